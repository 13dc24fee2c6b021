// The page: keeps the channels and messages the server tells about, and draws the chosen channel.

import { drawMessage } from "./messages.js";
import { element } from "./blocks.js";

const find = (id) => document.getElementById(id);
const list = find("messages");
const state = { channels: [], messages: new Map(), availability: "up", chosen: null, unread: new Map(), connected: false };
const articles = new Map(); // ts → the article of a message of the chosen channel
const NEAR = 60; // px from the end that count as being at the end
const PAUSE = 30; // ms in which messages gather before they are drawn together

let arrived = [];
function receive(message) {
  if (!arrived.length) setTimeout(drawArrived, PAUSE);
  arrived.push(message);
}

function drawArrived() {
  const fresh = arrived.filter((message) => !state.messages.has(message.ts));
  const here = arrived.filter((message) => message.channel === state.chosen);
  for (const message of arrived) state.messages.set(message.ts, message);
  arrived = [];
  for (const { channel } of fresh) {
    if (channel !== state.chosen) state.unread.set(channel, (state.unread.get(channel) ?? 0) + 1);
  }
  keepingPlace(() => here.forEach(place));
  markDays();
  drawFrame();
  const unseen = fresh.filter((message) => message.channel === state.chosen).length;
  if (unseen && !atEnd()) countNews(unseen);
}

function replaceAll(snapshot) {
  arrived = [];
  state.messages = new Map(snapshot.messages.map((message) => [message.ts, message]));
  state.connected = true;
  receiveStatus(snapshot);
  const end = atEnd() || !list.childElementCount;
  list.setAttribute("aria-busy", "false");
  keepingPlace(drawChannel);
  if (end) scrollToEnd();
}

function receiveStatus(status) {
  state.channels = status.channels;
  state.availability = status.availability;
  if (!state.channels.some((channel) => channel.id === state.chosen)) {
    state.chosen = (channelInAddress() ?? state.channels[0])?.id ?? null;
  }
  drawFrame();
}

function channelInAddress() {
  return state.channels.find((channel) => `#${channel.id}` === location.hash);
}

function choose(channel) {
  state.chosen = channel.id;
  state.unread.delete(channel.id);
  list.replaceChildren();
  articles.clear();
  drawChannel();
  scrollToEnd();
}

// --- drawing

function chosenMessages() {
  return [...state.messages.values()].filter((message) => message.channel === state.chosen);
}

function drawChannel() {
  const messages = chosenMessages().sort((one, other) => (one.ts < other.ts ? -1 : 1));
  const wanted = new Set(messages.map((message) => message.ts));
  for (const [ts, article] of articles) {
    if (!wanted.has(ts)) {
      article.remove();
      articles.delete(ts);
    }
  }
  messages.forEach(place);
  if (!messages.length) list.replaceChildren(emptyNote());
  markDays();
  drawFrame();
}

function emptyNote() {
  return element(
    "div",
    { class: "empty" },
    element("img", { src: "/page/avatar.svg", alt: "", width: 56, height: 56 }),
    element("p", {}, "No messages yet."),
    element("p", { class: "quiet" }, "They appear here as soon as lambda-warden posts them."),
  );
}

// Puts a message where its ts belongs, or draws it anew in its place; threads that are open stay open.
function place(message) {
  list.querySelector(":scope > .empty")?.remove();
  const old = articles.get(message.ts);
  const drawn = drawMessage(message, old);
  if (old) return;
  articles.set(message.ts, drawn);
  let before = list.lastElementChild;
  while (before && before.dataset.ts > message.ts) before = before.previousElementSibling;
  if (before) before.after(drawn);
  else list.prepend(drawn);
}

function markDays() {
  let day = "";
  const today = new Date().toDateString();
  for (const article of list.querySelectorAll(":scope > article")) {
    const own = new Date(Number(article.dataset.ts) * 1000).toDateString();
    article.dataset.day = own === day ? "" : own === today ? "Today" : own;
    day = own;
  }
}

function drawFrame() {
  const channel = state.channels.find((each) => each.id === state.chosen);
  find("channels").replaceChildren(...state.channels.map(channelEntry));
  find("channel-name").textContent = channel ? `# ${channel.name}` : "No channel";
  const count = chosenMessages().length;
  const facts = [`${count} ${count === 1 ? "message" : "messages"}`];
  if (channel && !channel.member) facts.push("lambda-warden is not in this channel");
  if (channel?.archived) facts.push("archived");
  find("channel-facts").textContent = facts.join(" · ");
  document.title = channel ? `#${channel.name} · Local Slack` : "Local Slack";
  drawBanner();
}

function channelEntry(channel) {
  const unread = state.unread.get(channel.id);
  const name = element("span", { class: "name" }, `# ${channel.name}`);
  const badge = unread ? element("span", { class: "badge", "aria-label": `${unread} unread` }, String(unread)) : null;
  const current = channel.id === state.chosen ? "page" : null;
  return element("li", {}, element("a", { href: `#${channel.id}`, "aria-current": current }, name, badge));
}

function drawBanner() {
  const words = state.connected
    ? {
        unavailable: "Slack is switched off: the Web API answers 503. What is on this page stays.",
        reset: "Slack is switched off: the Web API breaks every connection. What is on this page stays.",
      }[state.availability]
    : "No connection to the local Slack. Trying again…";
  find("banner").textContent = words ?? "";
  find("banner").hidden = !words;
}

// --- place in the list

function atEnd() {
  return list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
}

function scrollToEnd() {
  list.scrollTop = list.scrollHeight;
  clearNews();
}

// Draws without moving what the reader looks at: the end stays the end, else the first message in view stays put.
function keepingPlace(draw) {
  const end = atEnd();
  const top = list.getBoundingClientRect().top;
  const anchor = [...list.children].find((child) => child.getBoundingClientRect().bottom > top);
  const before = anchor?.getBoundingClientRect().top;
  draw();
  if (end) list.scrollTop = list.scrollHeight;
  else if (anchor?.isConnected) list.scrollTop += anchor.getBoundingClientRect().top - before;
}

let news = 0;
function countNews(more) {
  news += more;
  find("news").textContent = `${news} new ${news === 1 ? "message" : "messages"} ↓`;
  find("news").hidden = false;
}

function clearNews() {
  news = 0;
  find("news").hidden = true;
}

// --- keyboard

function step(by) {
  const order = [...list.querySelectorAll(":scope > article")];
  const current = document.activeElement?.closest("#messages > article");
  const index = current ? order.indexOf(current) + by : by > 0 ? 0 : order.length - 1;
  const next = order[Math.max(0, Math.min(index, order.length - 1))];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  if (event.key === "t") document.activeElement?.closest("#messages > article")?.querySelector(".thread-toggle")?.click();
});

find("news").addEventListener("click", scrollToEnd);
list.addEventListener("scroll", () => atEnd() && clearNews());
addEventListener("hashchange", () => {
  const channel = channelInAddress();
  if (channel && channel.id !== state.chosen) choose(channel);
});

// --- news from the server; the browser connects again by itself

const events = new EventSource("/_warden/events");
events.addEventListener("snapshot", (event) => replaceAll(JSON.parse(event.data)));
events.addEventListener("message", (event) => event.data && receive(JSON.parse(event.data)));
events.addEventListener("status", (event) => receiveStatus(JSON.parse(event.data)));
events.addEventListener("error", () => {
  state.connected = false;
  drawBanner();
});
