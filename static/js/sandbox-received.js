// Keeps the list of received events fresh, shows times in the reader's zone, copies the sample command.
// The page works without it; a reload then does what polling does.
(() => {
  "use strict";

  const POLL_MS = 2000;
  const list = document.getElementById("list");
  const live = document.getElementById("live");
  const language = document.documentElement.lang;

  const formats = {
    time: (date) => date.toLocaleTimeString(language),
    date: (date) => date.toLocaleDateString(language),
    both: (date) => date.toLocaleString(language),
  };

  function showLocalTimes() {
    for (const part of list.querySelectorAll("[data-local]")) {
      const date = new Date(part.closest("time").dateTime);
      part.textContent = formats[part.dataset.local](date);
    }
  }

  function offerCopying() {
    for (const button of list.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  }

  function say(text) {
    if (live.textContent !== text) live.textContent = text;
  }

  // New content must not close what the reader opened, nor take the focus away.
  function replaceList(html) {
    const open = [...list.querySelectorAll("details[open]")].map((part) => part.closest("tbody").id);
    const focused = document.activeElement?.closest?.("#list tbody")?.id;
    list.innerHTML = html;
    for (const id of open) document.getElementById(id)?.querySelector("details").setAttribute("open", "");
    if (focused) document.getElementById(focused)?.querySelector("summary").focus({ preventScroll: true });
    showLocalTimes();
    offerCopying();
  }

  async function refresh() {
    const query = new URLSearchParams(location.search);
    query.set("seen", list.firstElementChild.dataset.seen);
    try {
      const response = await fetch(`${list.dataset.fragment}?${query}`);
      if (!response.ok) throw new Error(response.statusText);
      if (response.status === 200) {
        replaceList(await response.text());
        say(live.dataset.newsText);
      } else {
        say(live.dataset.liveText);
      }
    } catch {
      say(live.dataset.lostText);
    }
  }

  async function keepFresh() {
    if (!document.hidden) await refresh();
    setTimeout(keepFresh, POLL_MS);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
  });

  showLocalTimes();
  offerCopying();
  if (list.dataset.fragment) {
    say(live.dataset.liveText);
    setTimeout(keepFresh, POLL_MS);
  }
})();
