// Everything works without this file: it follows a run while it goes on, and leads to what is wrong in a form.
"use strict";

const MARKS = { begins: "↻", done: "✓", failed: "✕" };
const REFRESH = new Set(["state", "plan", "cancel", "held"]);

const say = (text) => {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
};

const line = (list, event) => {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = event.at;
  time.textContent = `${event.at.slice(0, 19).replace("T", " ")} UTC`;
  const text = document.createElement("span");
  text.textContent = event.text;
  item.append(time, " ", text);
  if (["diagnostic", "failed", "policy", "state"].includes(event.type)) item.className = event.type;
  const box = list.parentElement;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  list.append(item);
  if (atEnd) box.scrollTop = box.scrollHeight;
};

const step = (event) => {
  const list = document.getElementById("steps");
  if (!list || !MARKS[event.type]) return;
  document.getElementById("no-steps")?.remove();
  let item = [...list.children].find((each) => each.dataset.urn === event.data.urn);
  if (!item) {
    item = document.createElement("li");
    item.dataset.urn = event.data.urn;
    list.append(item);
  }
  const mark = document.createElement("span");
  mark.ariaHidden = "true";
  mark.textContent = MARKS[event.type];
  item.dataset.status = event.type;
  item.replaceChildren(mark, ` ${event.text}`);
};

// The apply begins: what the preview told of the resources is no longer news.
const begin = () => {
  document.getElementById("steps")?.replaceChildren();
  const heading = document.getElementById("progress");
  if (heading) heading.textContent = heading.dataset.apply;
};

// The parts of the page that the server decides on, as they are now. What somebody is typing into stays.
const refresh = async () => {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.getElementById(part.id);
    const typing = part.contains(document.activeElement) && document.activeElement.matches("input");
    if (other && !typing && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
  }
};

const follow = (list) => {
  const source = new EventSource(list.dataset.events);
  let seen = 0;
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.seq <= seen) return;
    seen = event.seq;
    line(list, event);
    if (event.type === "phase") begin();
    step(event);
    if (REFRESH.has(event.type)) {
      say(event.text);
      refresh();
    }
  };
  source.onerror = () => say("The connection was lost; it is made again by itself.");
  source.onopen = () => say("");
  for (const name of ["end", "denied"]) {
    source.addEventListener(name, () => {
      source.close();
      say(name === "end" ? "The run has ended." : "You may no longer see this run.");
      refresh();
    });
  }
};

const log = document.querySelector("#log[data-events]");
if (log && window.EventSource) follow(log);
document.getElementById("errors")?.focus();
for (const each of document.querySelectorAll("#secret")) each.addEventListener("focus", () => each.select());
