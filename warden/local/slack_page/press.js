// What pressing a button without a link does. Until presses reach the system, they show the same act's command.

import { element } from "./blocks.js";

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{2,99}$/;

export function press(button, message, pressed) {
  const command = commandFor(button);
  const words = command
    ? ["Buttons are not connected here. In a terminal: ", element("code", {}, command), copyButton(command)]
    : ["This button is not connected here."];
  const key = pressed.dataset.key;
  const actions = pressed.closest(".block");
  const old = actions.nextElementSibling?.matches(".press-note") ? actions.nextElementSibling : null;
  old?.remove();
  if (old?.dataset.for !== key) {
    actions.after(element("p", { class: "press-note", role: "status", "data-for": key }, ...words));
  }
}

// The command that does what the button stands for, or null: from its action_id (its label without one) and
// the ticket id in its value.
export function commandFor(button) {
  const id = button.value ?? "";
  const words = (button.action_id ?? button.text.text).toLowerCase().split(/[^a-z0-9]+/);
  const verb = words.find((word) => ["approve", "undo", "snooze", "exempt"].includes(word));
  if (!verb || !ID.test(id)) return null;
  if (verb === "snooze") return `warden snooze ${id} --for ${words.find((word) => /^\d+d$/.test(word)) ?? "7d"}`;
  if (verb === "exempt") return `warden exempt ${id} --until ${inThirtyDays()}`;
  return `warden ${verb} ${id}`;
}

function inThirtyDays() {
  return new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString().slice(0, 10);
}

function copyButton(command) {
  const made = element("button", { class: "button copy", type: "button" }, "Copy");
  made.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(command);
    made.textContent = "Copied";
  });
  return made;
}
