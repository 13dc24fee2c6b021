// Block Kit blocks and mrkdwn trees → elements. Content only ever becomes text nodes and checked attributes.

import { EMOJI } from "./emoji.js";
import { decode, parse, safeUrl } from "./mrkdwn.js";
import { press } from "./press.js";

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// The body of a message: its blocks, or its text where it has none.
export function renderBody(message) {
  if (!message.blocks.length) return [element("div", { class: "block section" }, ...mrkdwn(message.text))];
  return message.blocks.map((block) => (BLOCKS[block.type] ?? unknown)(block, message));
}

export function mrkdwn(text) {
  return parse(text).map(node);
}

const BLOCKS = {
  header: (block) => element("h3", { class: "block header" }, ...plain(block.text.text)),
  divider: () => element("hr", { class: "block" }),
  section,
  context: (block) => element("div", { class: "block context" }, ...block.elements.map(contextElement)),
  actions: (block, message) =>
    element("div", { class: "block actions" }, ...block.elements.map((each) => interactive(each, message))),
  image: (block) => element("div", { class: "block" }, block.title ? element("div", {}, block.title.text) : null, image(block)),
  markdown: (block) => element("div", { class: "block markdown" }, block.text),
  rich_text: (block) => element("div", { class: "block rich" }, ...block.elements.map(rich)),
};

function unknown(block) {
  return element("div", { class: "block note" }, `A block of type ${block.type}: not drawn here.`);
}

function section(block, message) {
  const body = element("div", { class: "section-body" });
  if (block.text) body.append(element("div", { class: "text" }, ...textObject(block.text)));
  if (block.fields) {
    const fields = block.fields.map((field) => element("div", { class: "field" }, ...textObject(field)));
    body.append(element("div", { class: "fields" }, ...fields));
  }
  const accessory = block.accessory;
  if (!accessory) return element("div", { class: "block section" }, body);
  const beside = accessory.type === "image" ? image(accessory) : interactive(accessory, message);
  return element("div", { class: "block section with-accessory" }, body, element("div", { class: "accessory" }, beside));
}

function textObject(object) {
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text);
}

// plain_text: no styles and links, but emoji shortcodes and line breaks.
function plain(text) {
  return decode(text)
    .split(/(:[a-z0-9_+'-]+:|\n)/)
    .filter(Boolean)
    .map((part) => {
      if (part === "\n") return element("br");
      const character = /^:.+:$/.test(part) && EMOJI[part.slice(1, -1)];
      return character ? emoji(part.slice(1, -1), character) : document.createTextNode(part);
    });
}

function contextElement(each) {
  if (each.type === "image") return image(each);
  return element("span", { class: "context-element" }, ...textObject(each));
}

// Nothing outside this machine is loaded: a picture is shown as its description and address.
function image(each) {
  const url = safeUrl(each.image_url ?? "");
  const label = each.alt_text || "image";
  return url ? anchor(url, `🖼 ${label}`) : element("span", {}, label);
}

function interactive(each, message) {
  if (each.type === "button") return button(each, message);
  if (each.type === "overflow" || each.type === "static_select") return menu(each);
  return element("span", { class: "note" }, `${each.type}: not drawn here.`);
}

function button(each, message) {
  const style = ["primary", "danger"].includes(each.style) ? ` ${each.style}` : "";
  const attributes = { class: `button${style}`, "aria-label": each.accessibility_label };
  const url = each.url && safeUrl(each.url);
  if (url) {
    return element("a", { ...attributes, href: url, target: "_blank", rel: "noopener noreferrer" }, ...plain(each.text.text));
  }
  const key = `${message.ts} ${each.action_id ?? each.text.text}`;
  const made = element("button", { ...attributes, type: "button", "data-key": key }, ...plain(each.text.text));
  made.addEventListener("click", () => press(each, message, made));
  return made;
}

function menu(each) {
  const label = each.placeholder?.text ?? "More actions";
  const options = each.options.map((option) => element("option", { value: option.value }, decode(option.text.text)));
  return element("select", { class: "button", "aria-label": label }, element("option", { value: "" }, label), ...options);
}

function anchor(url, ...content) {
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...content);
}

function emoji(name, character) {
  return element("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, character);
}

const NODES = {
  text: (each) => document.createTextNode(each.text),
  break: () => element("br"),
  bold: (each) => element("strong", {}, ...each.children.map(node)),
  italic: (each) => element("em", {}, ...each.children.map(node)),
  strike: (each) => element("s", {}, ...each.children.map(node)),
  quote: (each) => element("blockquote", {}, ...each.children.map(node)),
  code: (each) => element("code", {}, each.text),
  pre: (each) => element("pre", { tabindex: "0" }, element("code", {}, each.text)),
  link: (each) => anchor(each.url, each.text),
  mention: (each) => element("span", { class: "mention" }, each.text),
  emoji: (each) => emoji(each.name, each.character),
  list: (each) => element("ul", { class: "written" }, ...each.items.map(listItem)),
};

function node(each) {
  return NODES[each.type](each);
}

// The marker stays as it was written, as in Slack.
function listItem(item) {
  const marker = element("span", { class: "marker" }, item.marker === "-" ? "•" : item.marker);
  const content = element("span", {}, ...item.children.map(node));
  return element("li", { class: `depth-${Math.min(item.depth, 3)}` }, marker, content);
}

const RICH = {
  rich_text_section: (each) => element("div", {}, ...each.elements.map(leaf)),
  rich_text_preformatted: (each) => element("pre", { tabindex: "0" }, element("code", {}, ...each.elements.map(leaf))),
  rich_text_quote: (each) => element("blockquote", {}, ...each.elements.map(leaf)),
  rich_text_list: (each) =>
    element(
      each.style === "ordered" ? "ol" : "ul",
      { class: `indent-${Math.min(each.indent ?? 0, 5)}`, start: each.offset ? each.offset + 1 : null },
      ...each.elements.map((item) => element("li", {}, ...item.elements.map(leaf))),
    ),
};

function rich(each) {
  return (RICH[each.type] ?? unknown)(each);
}

const LEAVES = {
  text: (each) => lineBreaks(each.text),
  link: (each) => (safeUrl(each.url) ? [anchor(each.url, each.text || each.url)] : [each.text || each.url]),
  emoji: (each) => (EMOJI[each.name] ? [emoji(each.name, EMOJI[each.name])] : [`:${each.name}:`]),
  user: (each) => [element("span", { class: "mention" }, `@${each.user_id}`)],
  usergroup: (each) => [element("span", { class: "mention" }, `@${each.usergroup_id}`)],
  channel: (each) => [element("span", { class: "mention" }, `#${each.channel_id}`)],
  broadcast: (each) => [element("span", { class: "mention" }, `@${each.range}`)],
  date: (each) => [each.fallback ?? new Date(each.timestamp * 1000).toLocaleString()],
  color: (each) => [each.value],
};
const STYLE_TAGS = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code", highlight: "mark" };

function leaf(each) {
  let content = element("span", {}, ...(LEAVES[each.type] ?? (() => [`${each.type}: not drawn here.`]))(each));
  for (const [style, tag] of Object.entries(STYLE_TAGS)) {
    if (each.style?.[style]) content = element(tag, {}, content);
  }
  return content;
}

function lineBreaks(text) {
  return text.split(/(\n)/).filter(Boolean).map((part) => (part === "\n" ? element("br") : part));
}
