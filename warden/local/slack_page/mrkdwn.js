// Slack's mrkdwn → a tree. No DOM here: blocks.js turns the tree into elements, text nodes only.
//
// Nodes: {type: "text", text} · {type: "bold" | "italic" | "strike" | "quote", children} ·
// {type: "code" | "pre", text} · {type: "link", url, text} · {type: "mention", text} ·
// {type: "emoji", name, character} · {type: "break"} · {type: "list", items: [{marker, children}]}
// Rules: Slack documentation, "Formatting message text".

import { EMOJI } from "./emoji.js";

const STYLES = { "*": "bold", "_": "italic", "~": "strike" };
const LIST_LINE = /^(\s*)([•◦▪-]|\d+\.)\s+(.*)$/;
const QUOTE_LINE = /^(?:>|&gt;)\s?(.*)$/;

export function parse(text) {
  const parts = text.split("```");
  if (parts.length % 2 === 0) parts.push(parts.splice(-2).join("```")); // the last one is never closed
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [{ type: "pre", text: decode(withoutEdges(part, true, true)) }];
    return lines(withoutEdges(part, index > 0, index < parts.length - 1));
  });
}

// The line breaks next to a code block's fences are the fences' own.
function withoutEdges(part, first, last) {
  const begun = first ? part.replace(/^\n/, "") : part;
  return last ? begun.replace(/\n$/, "") : begun;
}

export function decode(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

// Only these become links; anything else that looks like one is shown as text.
export function safeUrl(url) {
  return /^(https?:\/\/|mailto:|tel:)/i.test(url) ? url : null;
}

function lines(text) {
  if (!text) return [];
  const nodes = [];
  let list = null;
  let quote = null;
  text.split("\n").forEach((line, number) => {
    const item = LIST_LINE.exec(line);
    const quoted = QUOTE_LINE.exec(line);
    if (!(item && list) && !(quoted && quote) && number > 0 && !list && !quote) nodes.push({ type: "break" });
    if (!item) list = null;
    if (!quoted) quote = null;
    if (item) {
      if (!list) {
        dropBreak(nodes);
        nodes.push((list = { type: "list", items: [] }));
      }
      list.items.push({ marker: item[2], depth: Math.floor(item[1].length / 2), children: inline(item[3]) });
    } else if (quoted) {
      if (quote) quote.children.push({ type: "break" });
      else {
        dropBreak(nodes);
        nodes.push((quote = { type: "quote", children: [] }));
      }
      quote.children.push(...inline(quoted[1]));
    } else {
      nodes.push(...inline(line));
    }
  });
  return nodes;
}

// A list and a quote start on a line of their own.
function dropBreak(nodes) {
  if (nodes.at(-1)?.type === "break") nodes.pop();
}

function inline(text) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push({ type: "text", text: decode(plain) });
    plain = "";
  };
  let at = 0;
  while (at < text.length) {
    const found = code(text, at) ?? angle(text, at) ?? emoji(text, at) ?? styled(text, at) ?? bareUrl(text, at);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

function code(text, at) {
  if (text[at] !== "`") return null;
  const end = text.indexOf("`", at + 1);
  return end > at + 1 ? { node: { type: "code", text: decode(text.slice(at + 1, end)) }, end: end + 1 } : null;
}

function angle(text, at) {
  if (text[at] !== "<") return null;
  const end = text.indexOf(">", at);
  if (end < 0) return null;
  const [target, label] = split(text.slice(at + 1, end));
  const node = mention(target, label) ?? link(target, label);
  return node && { node, end: end + 1 };
}

function split(content) {
  const bar = content.indexOf("|");
  return bar < 0 ? [content, ""] : [content.slice(0, bar), content.slice(bar + 1)];
}

function link(target, label) {
  const url = safeUrl(decode(target));
  return url && { type: "link", url, text: decode(label) || url };
}

function mention(target, label) {
  const name = decode(label);
  if (/^[@#][A-Z0-9]+$/.test(target)) return { type: "mention", text: target[0] + (name || target.slice(1)) };
  if (/^!(here|channel|everyone)$/.test(target)) return { type: "mention", text: "@" + target.slice(1) };
  if (target.startsWith("!subteam^")) return { type: "mention", text: name || "@" + target.slice(9) };
  if (target.startsWith("!date^")) return { type: "text", text: name || target };
  return null;
}

function emoji(text, at) {
  const match = text[at] === ":" && /^:([a-z0-9_+'-]+):/.exec(text.slice(at, at + 40));
  const character = match && EMOJI[match[1]];
  return character ? { node: { type: "emoji", name: match[1], character }, end: at + match[0].length } : null;
}

// A style holds between word boundaries, on one line, around something that is not blank.
function styled(text, at) {
  const type = STYLES[text[at]];
  if (!type || /[\p{L}\p{N}]/u.test(text[at - 1] ?? " ") || /\s|^$/.test(text[at + 1] ?? "")) return null;
  for (let end = text.indexOf(text[at], at + 1); end > 0; end = text.indexOf(text[at], end + 1)) {
    const closes = !/\s/.test(text[end - 1]) && !/[\p{L}\p{N}]/u.test(text[end + 1] ?? " ");
    if (closes && end > at + 1) {
      return { node: { type, children: inline(text.slice(at + 1, end)) }, end: end + 1 };
    }
  }
  return null;
}

function bareUrl(text, at) {
  if (text[at] !== "h" || /[\p{L}\p{N}]/u.test(text[at - 1] ?? " ")) return null;
  const match = /^https?:\/\/[^\s<>|"]+/.exec(text.slice(at));
  if (!match) return null;
  const found = match[0].replace(/[.,;:!?)\]}*_~]+$/, "");
  const url = decode(found);
  return { node: { type: "link", url, text: url }, end: at + found.length };
}
