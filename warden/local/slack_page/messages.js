// One message: who, when, its body, and its thread. Drawing it again keeps an open thread, notes and the focus.

import { element, renderBody } from "./blocks.js";

// Draws `message` into `old` (or a new article) and returns it.
export function drawMessage(message, old) {
  const article = old ?? element("article", { class: "message", tabindex: "-1", "data-ts": message.ts });
  const version = JSON.stringify([message.text, message.blocks, message.edited, message.edits.length]);
  if (article.dataset.version !== version) {
    const focus = article.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const thread = article.querySelector(":scope > .content > .thread");
    article.replaceChildren(avatar(message), content(message, thread));
    if (old) flash(article);
    article.dataset.version = version;
    if (focus) article.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }
  article.setAttribute("aria-label", `${message.user}, ${clock(message.ts)}: ${message.text.slice(0, 120)}`);
  if (message.thread_ts === null) drawThread(article.querySelector(":scope > .content"), message);
  return article;
}

function content(message, thread) {
  const made = element("div", { class: "content" }, byline(message), body(message));
  if (thread) made.append(thread);
  return made;
}

function avatar(message) {
  if (message.app) return element("img", { class: "avatar", src: "/page/avatar.svg", alt: "" });
  return element("span", { class: "avatar person", "aria-hidden": "true" }, message.user.slice(0, 1).toUpperCase());
}

function byline(message) {
  return element(
    "div",
    { class: "byline" },
    element("strong", {}, message.user),
    message.app ? element("span", { class: "app-mark" }, "APP") : null,
    element("time", { datetime: date(message.ts).toISOString(), title: history(message) }, clock(message.ts)),
    message.broadcast ? element("span", { class: "quiet" }, "also sent to the channel") : null,
  );
}

function body(message) {
  const made = element("div", { class: "body" }, ...renderBody(message));
  if (message.edited !== null) {
    made.lastElementChild.append(element("span", { class: "edited" }, " (edited)"));
  }
  return made;
}

function date(ts) {
  return new Date(Number(ts) * 1000);
}

function clock(ts) {
  return date(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function history(message) {
  const posted = `Posted ${date(message.ts).toLocaleString()} (${message.ts})`;
  const last = message.edits.at(-1);
  return last ? `${posted}, updated ${new Date(last.until * 1000).toLocaleString()}` : posted;
}

function drawThread(parent, message) {
  const thread = parent.querySelector(":scope > .thread") ?? parent.appendChild(element("div", { class: "thread" }));
  if (!message.replies.length) return;
  const replies = thread.querySelector(".replies") ?? newThread(thread, message.ts);
  const toggle = thread.querySelector(".thread-toggle");
  const count = message.replies.length;
  toggle.querySelector(".count").textContent = `${count} ${count === 1 ? "reply" : "replies"}`;
  toggle.querySelector(".last").textContent = `Last reply ${clock(message.replies.at(-1).ts)}`;
  const known = new Map([...replies.children].map((article) => [article.dataset.ts, article]));
  message.replies.forEach((reply, index) => {
    const drawn = drawMessage(reply, known.get(reply.ts));
    drawn.classList.toggle("follows", follows(reply, message.replies[index - 1]));
    if (!known.has(reply.ts)) replies.append(drawn);
  });
}

// Whether a reply goes on where the one before stopped, so that its author need not be named again.
function follows(reply, before) {
  return before !== undefined && before.user === reply.user && reply.ts - before.ts < 300 && !reply.broadcast;
}

function newThread(thread, ts) {
  const id = `thread-${ts}`;
  const replies = element("div", { class: "replies", id, hidden: true });
  const toggle = element(
    "button",
    { class: "thread-toggle", type: "button", "aria-expanded": "false", "aria-controls": id },
    element("img", { src: "/page/avatar.svg", alt: "", width: 20, height: 20 }),
    element("span", { class: "count" }),
    element("span", { class: "last quiet" }),
  );
  toggle.addEventListener("click", () => {
    replies.hidden = !replies.hidden;
    toggle.setAttribute("aria-expanded", String(!replies.hidden));
  });
  thread.append(toggle, replies);
  return replies;
}

// Shows for a moment which message has just changed.
function flash(article) {
  article.classList.remove("changed");
  void article.offsetWidth; // restarts the animation
  article.classList.add("changed");
}
