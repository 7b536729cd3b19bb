// Makes the theme usable by keyboard and screen readers (WCAG 2.2 AA): its menus, buttons and
// dialogs are elements without role, name and focus, and its icons are words of a ligature font.

const ICON = ".material-symbols-outlined";
const NATIVE = "a[href], button, input, select, textarea, summary";
const FIELD = ":is(input, select, textarea):not([disabled], [type=hidden])";
const FOCUSABLE = `:is(${NATIVE}, [tabindex="0"]):not([disabled], [type=hidden])`;
// A backdrop closes what is in front of it; Escape does so for keyboards.
const TRIGGER = "[x-on\\:click]:not(#changelist-filter-close)";
// What a trigger opens, by the theme's expressions such as `openUserLinks = !openUserLinks`.
const OPENS = /^(\w+) = (?:!\1|true)\b/;
const DIALOGS = { openModal: "#modal-content", openCommandResults: "[x-show=openCommandResults]" };

// The menu or panel that is open, its trigger and the trigger's property.
let opened = null;

const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
const focusablesIn = (panel) => [...panel.querySelectorAll(FOCUSABLE)].filter(isVisible);

function propertyOf(trigger) {
  return OPENS.exec(trigger.getAttribute("x-on:click"))?.[1];
}

function textWithoutIcons(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
  return copy.matches(ICON) ? "" : copy.textContent.trim();
}

function nameControl(control) {
  const icon = control.matches(ICON) ? control : control.querySelector(ICON);
  if (control.ariaLabel || !icon || textWithoutIcons(control)) {
    return;
  }
  const names = document.getElementById("icon-names").dataset;
  const name = icon.querySelector("[x-text]") ? names.theme : names[icon.textContent.trim()];
  if (control.title || name) {
    control.ariaLabel = control.title || name;
  }
}

function makeButton(trigger) {
  if (!trigger.matches(NATIVE)) {
    trigger.tabIndex = 0;
  }
  if (!trigger.matches("button, summary") && !/\bactive\w*Tab\b/.test(trigger.getAttribute("x-on:click"))) {
    trigger.role = "button";
  }
  const property = propertyOf(trigger);
  if (property) {
    Alpine.effect(() => {
      trigger.ariaExpanded = String(Boolean(Alpine.$data(trigger)[property]));
    });
  }
}

// Select2's combobox is named after its value only, and its search field not at all.
function nameSelect(container) {
  const select = container.previousElementSibling;
  const label = select?.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
  const selection = container.querySelector(".select2-selection");
  if (!label || !selection) {
    return;
  }
  label.id ||= `${select.id}_label`;
  const value = container.querySelector(".select2-selection__rendered");
  value.id ||= `${select.id}_value`;
  value.role = "none";
  value.removeAttribute("aria-readonly");
  selection.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
  container.querySelector(FIELD)?.setAttribute("aria-labelledby", label.id);
}

// On phones, each cell has its column's label, which is a noun within a sentence otherwise.
function capitalizeLabel(cell) {
  const { label } = cell.dataset;
  cell.dataset.label = label.charAt(0).toLocaleUpperCase() + label.slice(1);
}

function improve(root) {
  const all = (selector) => [
    ...(root.matches(selector) ? [root] : []),
    ...root.querySelectorAll(selector),
  ];
  all(TRIGGER).forEach(makeButton);
  all(`${NATIVE}, ${TRIGGER}`).forEach(nameControl);
  all(`${ICON}:not(${TRIGGER})`).forEach((icon) => {
    icon.ariaHidden = "true";
  });
  all(".select2-container").forEach(nameSelect);
  all("[data-label]").forEach(capitalizeLabel);
  // A word in a tooltip that Django shows as an image.
  all(".help-tooltip").forEach((icon) => {
    icon.role = "img";
  });
  all(`${FIELD}[placeholder]:not([aria-label], [aria-labelledby], [id])`).forEach((field) => {
    field.ariaLabel = field.placeholder;
  });
}

// Waits until Alpine.js has shown what a click opens.
function whenVisible(selector, then, frames = 20) {
  const panel = [...document.querySelectorAll(selector)].find(isVisible);
  if (panel) {
    then(panel);
  } else if (frames) {
    requestAnimationFrame(() => whenVisible(selector, then, frames - 1));
  }
}

function closePanel() {
  const { trigger, property } = opened;
  opened = null;
  Alpine.$data(trigger)[property] = false;
  return trigger;
}

function onClick(event) {
  const trigger = event.target.closest?.(TRIGGER);
  const property = trigger && propertyOf(trigger);
  if (!property || trigger.ariaExpanded === "true") {
    return;
  }
  // A menu that is still closing takes the click for one beside it, and closes again.
  setTimeout(() => {
    Alpine.$data(trigger)[property] = true;
  });
  whenVisible(`[x-show="${property}"]`, (panel) => {
    panel.ariaLabel = trigger.ariaLabel || textWithoutIcons(trigger);
    if (getComputedStyle(panel).position === "fixed") {
      panel.role = "dialog";
    }
    opened = { trigger, property, panel };
    // A pointer does not need the focus there.
    if (event.detail === 0) {
      focusablesIn(panel)[0]?.focus();
    }
  });
}

function onKey(event) {
  const { key, target } = event;
  const isButton = target.matches?.("[role=button]:not(button)");
  if (isButton && (key === "Enter" || key === " ")) {
    event.preventDefault();
    target.click();
  } else if (opened && !document.querySelector("#page").inert) {
    followPanel(event);
  }
}

// Escape and Tab beyond the ends of a menu return to its trigger; in a dialog, Tab goes round.
function followPanel(event) {
  const { panel } = opened;
  if (event.key === "Escape") {
    closePanel().focus();
  } else if (event.key === "Tab" && panel.contains(event.target)) {
    const elements = focusablesIn(panel);
    const [first, last] = [elements[0], elements.at(-1)];
    if (event.target !== (event.shiftKey ? first : last)) {
      return;
    }
    if (panel.role === "dialog") {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    } else {
      closePanel().focus();
      if (event.shiftKey) {
        event.preventDefault();
      }
    }
  }
}

function focusDialog(dialog) {
  const title = dialog.querySelector("h1");
  if (title) {
    dialog.ariaLabel = title.textContent.trim();
  }
  dialog.tabIndex = -1;
  ([...dialog.querySelectorAll(FIELD)].find(isVisible) ?? dialog).focus();
}

// Keeps the focus in a modal dialog, and returns it to the element that opened the dialog.
function watchDialog(property, dialog) {
  let before = null;
  const outer = document.body.querySelector(`:scope > :has(${DIALOGS[property]}), :scope > ${DIALOGS[property]}`);
  Alpine.effect(() => {
    const isOpen = Boolean(Alpine.$data(dialog)[property]);
    if (isOpen === Boolean(before)) {
      return;
    }
    if (isOpen) {
      before = document.activeElement;
      // A dialog closes the menu that it was opened from.
      before = opened?.panel.contains(before) ? closePanel() : before;
      whenVisible(DIALOGS[property], focusDialog);
    }
    for (const element of document.body.children) {
      element.inert = isOpen && element !== outer;
    }
    if (!isOpen) {
      before.focus();
      before = null;
    }
  });
}

addEventListener("alpine:initialized", () => {
  // A form is shown as soon as it is loaded; until htmx settles it, it would submit to the page below.
  htmx.config.defaultSettleDelay = 0;
  improve(document.body);
  // Browsers do not focus what Alpine.js has yet to show.
  whenVisible("[autofocus]", (field) => field.focus());
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      addedNodes.forEach((node) => node instanceof Element && improve(node));
    }
  }).observe(document.body, { childList: true, subtree: true });
  addEventListener("click", onClick, { capture: true });
  addEventListener("keydown", onKey, { capture: true });
  for (const [property, selector] of Object.entries(DIALOGS)) {
    const dialog = document.querySelector(selector);
    if (dialog) {
      dialog.role = "dialog";
      dialog.ariaModal = "true";
      watchDialog(property, dialog);
    }
  }
  // A form that is shown again, or a result, has replaced the focused element.
  addEventListener("htmx:afterSettle", (event) => {
    const dialog = document.querySelector(DIALOGS.openModal);
    if (isVisible(dialog) && dialog.contains(event.target) && !dialog.contains(document.activeElement)) {
      focusDialog(dialog);
    }
  });
});
