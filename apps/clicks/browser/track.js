/*
 * The tracking script. It runs in pages that are not ours, so it never throws, blocks or slows them: whatever fails
 * is done without. docs/tracking-script.md tells what it reads, keeps and sends.
 *
 * What it keeps: the site's cookie `_ht_<key>`, five values parted by dots (session id, last activity, click id, digest
 * of the last arrival, word on consent), and in localStorage, under the same name, the hits without an answer yet.
 */
(function () {
  const layer = window.hubtrack;
  const config = layer.config;
  if (layer.decorate) return;

  const IDLE_MS = 30 * 60e3;
  const DAY_MS = 86400e3;
  const NINETY_DAYS_S = 90 * 86400;
  const MAX_QUEUE = 20;
  const AD_CLICKS = ["fbclid", "ttclid", "gclid"];
  const CAMPAIGN = "utm_source utm_medium utm_campaign utm_content utm_term utm_id src sck xcod".split(" ");
  const PIXEL_NAMES = {
    pageview: "PageView",
    view_content: "ViewContent",
    add_to_cart: "AddToCart",
    initiate_checkout: "InitiateCheckout",
  };
  // Of the page's `data` only these leave it for the hub.
  const DATA = "value currency content_ids content_name content_type num_items".split(" ");
  const OURS = /ht[cs][0-9a-v]{24}(?![0-9a-z])/;
  // TCF purposes: keep on the device, build and use a profile for ads, measure ads.
  const TCF_PURPOSES = [1, 3, 4, 7];
  const KEY = "_ht_" + config.key.slice(-8);

  /* Names of this file are shortened when it is served (apps/clicks/minify.py), so members are written in full. */

  const attempt = (act, otherwise) => {
    try {
      return act();
    } catch (error) {
      return otherwise;
    }
  };
  const safe = (act) => (...given) => attempt(() => act(...given));
  const listen = (on, names, act) => {
    names.split(" ").forEach((name) => on.addEventListener(name, safe(act), { capture: true, passive: true }));
  };
  const newId = (prefix) => {
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    return prefix + Array.from(bytes, (byte) => (byte & 31).toString(32)).join("");
  };

  /* What is kept. */

  const state = { session: "", seen: 0, click: "", arrival: "" };
  const identity = {};
  let word = null; // on consent: true, false, or null while nobody said
  let isOnHold = false; // a consent platform is there and has not been answered
  const waiting = []; // what happened before consent was known
  let isJoining = false; // the click came in the address, and the hub knows its session
  let fbc = ""; // also where no cookie can be kept
  let lastPage = "";
  let lastCheckout = 0;

  const isAllowed = () => word === true || (word === null && config.consent === "send" && !isOnHold);

  const readCookie = (name) => attempt(() => {
    const found = document.cookie.split("; ").find((pair) => pair.startsWith(name + "="));
    return found ? found.slice(name.length + 1) : "";
  }, "");

  /* On the widest domain that takes it. `make` gets the number of dots in that domain, Meta's subdomain index. */
  const writeCookie = (name, make, seconds) => attempt(() => {
    const labels = location.hostname.split(".");
    const rules = ";path=/;max-age=" + seconds + ";samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
    for (let dots = 0; dots < labels.length; dots++) {
      const value = make(dots);
      document.cookie = name + "=" + value + ";domain=" + labels.slice(-dots - 1).join(".") + rules;
      if (readCookie(name) === value) return value;
    }
    document.cookie = name + "=" + make(1) + rules;
    return make(1);
  }, make(1));

  const restore = () => {
    const [session, seen, click, arrival, told] = readCookie(KEY).split(".");
    if (!told) return;
    state.session = session;
    state.seen = parseInt(seen, 36);
    state.click = click;
    state.arrival = arrival;
    word = { y: true, n: false, u: null }[told];
  };

  const keep = (told) => {
    const kept = [state.session, state.seen.toString(36), state.click, state.arrival, told].join(".");
    writeCookie(KEY, () => (told ? kept : ""), told ? NINETY_DAYS_S : 0);
  };

  const save = () => {
    if (isAllowed()) keep(word ? "y" : "u");
  };

  const readQueue = () => attempt(() => JSON.parse(localStorage.getItem(KEY))) || [];
  const writeQueue = (items) => attempt(() => {
    if (items.length) localStorage.setItem(KEY, JSON.stringify(items.slice(-MAX_QUEUE)));
    else localStorage.removeItem(KEY);
  });

  /* A visit's silence of half an hour ends its session. Answers whether this is a new one. */
  const renewSession = () => {
    const now = Date.now();
    const isNew = Math.abs(now - state.seen) > IDLE_MS;
    if ((isNew || !state.session) && !isJoining) state.session = newId("hts");
    state.seen = now;
    save();
    return isNew;
  };

  /* What is sent. */

  const addressOf = (item) => config.hub + "/api/v1/track/" + item.action;

  /* The hub's own cookies go along where it is a part of this very site. */
  const isHome = ("." + location.hostname).endsWith(config.cookies);

  const deliver = (item) => {
    item.body.sent_at = Date.now();
    const body = JSON.stringify(item.body);
    attempt(() => fetch(addressOf(item), { method: "POST", body: body, keepalive: true, credentials: isHome ? "include" : "omit" })
      .then((answer) => {
        if (answer.status >= 500 || answer.status === 429) return null;
        writeQueue(readQueue().filter((other) => other.body.event_id !== item.body.event_id));
        return answer.ok ? answer.json() : null;
      })
      .then((answer) => answer && isAllowed() && learn(answer, item.action))
      .catch(() => {}));
  };

  /* A page event may be answered with an earlier click, which the hub's cookie remembered. */
  const learn = (answer, action) => {
    state.session = answer.session_id;
    if (action === "click" || !state.click) state.click = answer.click_id || state.click;
    isJoining = false;
    save();
    decorateAll();
  };

  // The hub refuses what is longer; the parameters that count travel apart.
  const fit = (address) => (address.length > 4096 ? address.split("?")[0].slice(0, 4096) : address);

  const hit = (action, page, facts) => {
    const body = {
      public_key: config.key,
      source: "script",
      url: fit(page),
      referrer: fit(document.referrer),
      click_id: state.click,
      event_id: newId("hte"),
    };
    if (!isJoining) body.session_id = state.session;
    if (word !== null) body.consent_ads = word;
    const meta = word !== false && { fbc: readCookie("_fbc") || fbc, fbp: readCookie("_fbp") };
    const item = { action: action, body: Object.assign(body, meta, identity, facts), since: Date.now() };
    writeQueue(readQueue().concat(item));
    deliver(item);
  };

  /* What earlier pages could not deliver; after a refusal only the refusal itself. */
  const retry = () => {
    const isDue = (item) => Date.now() - item.since < DAY_MS && (isAllowed() || item.body.consent_ads === false);
    const due = readQueue().filter(isDue);
    writeQueue(due);
    due.forEach(deliver);
  };

  const whenAllowed = (act) => {
    if (isAllowed()) attempt(act);
    else if (word === null && waiting.length < MAX_QUEUE) waiting.push(act);
  };

  /* Where the pixels are, they tell the same event by the same id; one that comes later is told at load. */
  const firePixels = (name, eventId, data) => {
    const calls = {
      fbq: () => fbq("track", name, data, { eventID: eventId }),
      ttq: () => ttq.track(name, data, { event_id: eventId }),
    };
    const fire = () => Object.keys(calls).filter((pixel) => window[pixel] && isAllowed()).forEach((pixel) => {
      attempt(calls[pixel]);
      delete calls[pixel];
    });
    if (config.pixels === false) return;
    fire();
    if (document.readyState !== "complete") listen(window, "load", fire);
  };

  const readData = (data) => attempt(() => {
    const text = JSON.stringify(data, DATA);
    if (text.length < 8e3) return JSON.parse(text);
  });

  const isAction = (name) => Object.keys(PIXEL_NAMES).includes(name);

  const record = (name, data) => {
    const page = location.href;
    whenAllowed(() => {
      const eventId = newId("hte");
      renewSession();
      hit(name, page, { event_id: eventId, data: readData(data) });
      firePixels(PIXEL_NAMES[name], eventId, data || {});
    });
  };

  /* Arrivals. */

  const shorten = (text) => {
    let sum = 5381;
    for (let at = 0; at < text.length; at++) sum = (sum * 33 + text.charCodeAt(at)) >>> 0;
    return sum.toString(36);
  };

  const readParameters = (page) => {
    const found = {};
    const query = new URL(page).searchParams;
    AD_CLICKS.concat(CAMPAIGN).forEach((name) => {
      const value = query.get(name);
      if (value && value.length <= (name.endsWith("clid") ? 2048 : 512)) found[name] = value;
    });
    return found;
  };

  /* The pixel's cookie if it has one for this ad click, else one in its format. */
  const keepFbc = (fbclid) => {
    const known = readCookie("_fbc");
    const told = known.split(".").slice(3).join(".");
    if (!fbclid || told === fbclid || told.startsWith(fbclid + ".")) return known;
    const now = Date.now();
    return writeCookie("_fbc", (dots) => ["fb", dots, now, fbclid].join("."), NINETY_DAYS_S);
  };

  /* A first visit's _fbp comes with the pixel's own script: worth a second, never the hit. */
  const afterPixel = (act) => {
    let left = window.fbq ? 10 : 0;
    let timer = 0;
    const look = (event) => {
      clearTimeout(timer);
      if (!event && left && !readCookie("_fbp")) {
        left -= 1;
        timer = setTimeout(safe(look), 100);
      } else if (act) {
        act();
        act = null;
      }
    };
    listen(window, "pagehide click", look);
    look();
  };

  const arrive = (page) => {
    const isNew = renewSession();
    const found = readParameters(page);
    fbc = keepFbc(found.fbclid);
    const carried = OURS.exec(new URL(page).search);
    if (carried && carried[0][2] === "c") {
      adopt(carried[0]);
      return;
    }
    const arrival = shorten(JSON.stringify(found));
    const isKnown = arrival === state.arrival && (!isNew || AD_CLICKS.some((name) => found[name]));
    if (!Object.keys(found).length || isKnown) return;
    state.arrival = arrival;
    save();
    afterPixel(() => isAllowed() && hit("click", page, found));
  };

  /* A redirect link, or a page of the seller's on another site, has recorded this click already. */
  const adopt = (click) => {
    if (click === state.click) return;
    state.click = click;
    state.session = "";
    isJoining = true;
    save();
  };

  // A fragment belongs to the page's address only where a router put it there.
  const here = () => location.href.split(/#(?![/!])/)[0];

  const visit = () => {
    const page = location.href;
    lastPage = here();
    whenAllowed(() => arrive(page));
    record("pageview");
    whenAllowed(decorateAll);
  };

  const visitIfMoved = () => setTimeout(safe(() => {
    if (here() !== lastPage) visit();
  }), 0);

  /* Checkout links and forms. */

  const fieldsOf = (address, element) => {
    const marked = element && element.getAttribute("data-hubtrack-checkout");
    if (typeof marked === "string") return [marked || "sck"];
    const url = attempt(() => new URL(address, document.baseURI));
    const host = url && (url.protocol === "https:" || url.protocol === "http:") ? url.hostname : "";
    const rule = config.checkouts.find((known) => (known[0][0] === "." ? host.endsWith(known[0]) : host === known[0]));
    return rule && rule.slice(1);
  };

  /* The first field that is free or ours; else ours in front of what the seller wrote, but for an order's reference. */
  const place = (fields, valueOf) => {
    const id = state.click || state.session;
    const free = fields.find((field) => !valueOf(field) || OURS.test(valueOf(field)));
    const field = free || fields[fields.length - 1];
    const theirs = valueOf(field);
    if (OURS.test(theirs)) return [field, theirs.replace(OURS, id)];
    if (!theirs) return [field, id];
    return [field, field === "client_reference_id" ? theirs : id + "%7C" + theirs];
  };

  /* All else in the address stays to the byte. */
  const decorateAddress = (address, fields) => {
    if (!fields || !(state.click || state.session)) return address;
    const [, page, query, hash] = /^([^?#]*)(\?[^#]*)?(#.*)?$/.exec(address);
    const pairs = query ? query.slice(1).split("&").filter(Boolean) : [];
    const indexOf = (field) => pairs.findIndex((pair) => pair.split("=")[0] === field);
    const [field, value] = place(fields, (name) => (pairs[indexOf(name)] || "").slice(name.length + 1));
    pairs.splice(indexOf(field) < 0 ? pairs.length : indexOf(field), 1, field + "=" + value);
    return page + "?" + pairs.join("&") + (hash || "");
  };

  /* A form that is sent by GET loses its address's query, so there the id is a field. */
  const decorateForm = (form, fields) => {
    const inputOf = (name) => form.querySelector('input[name="' + name + '"]');
    const [name, value] = place(fields, (field) => (inputOf(field) || {}).value || "");
    const input = inputOf(name) || form.appendChild(document.createElement("input"));
    if (!input.name) Object.assign(input, { type: "hidden", name: name });
    input.value = value.replace("%7C", "|");
  };

  /* Answers whether it leads to a checkout. */
  const decorateElement = (element) => {
    const isForm = element.tagName === "FORM";
    const address = element.getAttribute(isForm ? "action" : "href") || "";
    const fields = fieldsOf(address, element);
    if (!fields || !isAllowed() || !(state.click || state.session)) return fields;
    if (isForm) decorateForm(element, fields);
    else element.setAttribute("href", decorateAddress(address, fields));
    return fields;
  };

  const SELECTOR = config.checkouts.map(([host]) => 'a[href*="' + host + '"],form[action*="' + host + '"]')
    .concat("[data-hubtrack-checkout]").join();

  const decorateAll = () => document.querySelectorAll(SELECTOR).forEach(safe(decorateElement));

  const undecorate = () => document.querySelectorAll(SELECTOR).forEach((element) => {
    const strip = (text) => text.replace(new RegExp(OURS.source + "(%7C|\\|)?"), "");
    if (element.href) element.setAttribute("href", strip(element.getAttribute("href")));
    element.querySelectorAll("input").forEach((input) => {
      if (OURS.test(input.value)) input.value = strip(input.value);
    });
  });

  const startCheckout = () => {
    const isDouble = Date.now() - lastCheckout < 1000;
    lastCheckout = Date.now();
    if (!isDouble) record("initiate_checkout");
  };

  const onPress = (event) => {
    const path = event.composedPath().filter((node) => node.matches);
    const isClick = event.type !== "pointerdown" && event.button < 2;
    const link = path.find((node) => node.matches("a[href],area[href]"));
    if (link && decorateElement(link) && isClick) startCheckout();
    const marked = isClick && path.find((node) => isAction(node.getAttribute("data-hubtrack")));
    if (marked) record(marked.getAttribute("data-hubtrack"));
    if (isClick) setTimeout(safe(weighConsent), 300);
  };

  const watchLinks = () => {
    let timer = 0;
    const soon = () => {
      timer = 0;
      if (isAllowed()) decorateAll();
    };
    const onChange = () => {
      timer = timer || setTimeout(safe(soon), 100);
    };
    new MutationObserver(onChange).observe(document, { childList: true, subtree: true });
  };

  /* Consent. */

  const said = {}; // by consent platform
  let heard = null;

  const decide = (next) => {
    if (typeof next !== "boolean" || next === word) return;
    const wasRefused = word === false;
    word = next;
    if (!next) {
      refuse();
      return;
    }
    waiting.splice(0).forEach((act) => attempt(act));
    if (wasRefused) visit();
    else if (state.session) hit("consent", location.href);
    save();
  };

  /* Forget all, and tell the hub once if it knows of this visit. Where silence would mean yes, the no is kept. */
  const refuse = () => {
    const known = state.session;
    undecorate();
    waiting.length = 0;
    writeQueue([]);
    Object.keys(identity).forEach((name) => delete identity[name]);
    if (known) hit("consent", location.origin + "/");
    Object.assign(state, { session: "", seen: 0, click: "", arrival: "" });
    keep(config.consent === "send" && "n");
  };

  const readGoogle = (entry) => {
    if (!entry || entry[0] !== "consent" || !entry[2] || !entry[2].ad_storage) return;
    const isGranted = entry[2].ad_storage === "granted" && entry[2].ad_user_data !== "denied";
    if (entry[1] === "update") said.google = isGranted;
    else if (!isGranted) isOnHold = true;
  };

  const readTcf = (data, isFine) => {
    if (!isFine || !data.gdprApplies) return;
    isOnHold = true;
    if (data.eventStatus === "cmpuishown") return;
    said.tcf = TCF_PURPOSES.every((purpose) => data.purpose.consents[purpose]);
    weighConsent();
  };

  let isTcfAsked = false;

  /* A no by any platform is a no. A word is acted on when it changes, so that the page's own can follow it. */
  const weighConsent = () => {
    if (window.__tcfapi && !isTcfAsked) {
      isTcfAsked = true;
      window.__tcfapi("addEventListener", 2, safe(readTcf));
    }
    const groups = window.OnetrustActiveGroups;
    if (groups && readCookie("OptanonAlertBoxClosed")) said.onetrust = groups.split(",").includes("C0004");
    const bot = window.Cookiebot;
    if (bot && bot.hasResponse) said.cookiebot = bot.consent.marketing;
    const words = Object.keys(said).map((name) => said[name]);
    const now = words.length ? words.every(Boolean) : null;
    if (now === heard) return;
    heard = now;
    decide(now);
  };

  const followGoogle = () => {
    const google = (window.dataLayer = window.dataLayer || []);
    google.forEach(readGoogle);
    const push = google.push;
    google.push = function (...entries) {
      const result = push.apply(this, entries);
      attempt(() => {
        entries.forEach(readGoogle);
        weighConsent();
      });
      return result;
    };
  };

  /* The data layer. */

  const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]/g;
  const clean = (text) => String(text).replace(INVISIBLE, "").normalize("NFC").trim().toLowerCase();

  const readBrazilian = (digits) => {
    const national = digits.replace(/^0/, "");
    return /^[1-9]{2}(9\d{8}|[2-9]\d{7})$/.test(national) ? "55" + national : "";
  };

  /* Digits with the country code, as docs/identity.md has them; empty where that would be a guess. */
  const readPhone = (text) => {
    const written = text.replace("(0)", "").replace(/\D/g, "");
    const digits = written.replace(/^00/, "");
    const isWhole = digits !== written || /^[\s(]*\+/.test(text);
    const national = isWhole ? "" : readBrazilian(digits);
    if (national || digits.startsWith("55")) return national || readBrazilian(digits.slice(2));
    return isWhole && /^[1-9]\d{7,14}$/.test(digits) ? digits : "";
  };

  const NORMAL = {
    email: (text) => (/^[^\s@<>,;:]+@[^\s@<>,;:]+\.[^\s@<>,;:.]+$/.test(text) ? text : ""),
    phone: readPhone,
    phone_e164: (text) => (readPhone(text) ? "+" + readPhone(text) : ""),
    external_id: (text) => text.replace(/\s/g, ""),
  };

  const hash = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)).then((digested) =>
    Array.from(new Uint8Array(digested), (byte) => (byte + 256).toString(16).slice(1)).join(""));

  const readPerson = (entry) => {
    const given = Object.assign({}, entry, { phone_e164: entry.phone });
    const isHash = (text) => /^[0-9a-f]{64}$/.test(text);
    const hashes = Object.keys(NORMAL).filter((name) => given[name]).map((name) => {
      const text = clean(given[name]);
      if (isHash(text)) return name === "phone_e164" ? {} : { [name]: text };
      const normal = NORMAL[name](text);
      return normal ? hash(normal).then((digested) => ({ [name]: digested })) : {};
    });
    Promise.all(hashes).then(safe((found) => {
      const before = JSON.stringify(identity);
      if (word === false) return;
      Object.assign(identity, ...found);
      if (JSON.stringify(identity) !== before) whenAllowed(() => hit("identify", location.href));
    })).catch(() => {});
  };

  const accept = safe((entry) => {
    if (!entry || typeof entry !== "object") return;
    if ("consent" in entry) decide(entry.consent);
    attempt(() => readPerson(entry));
    if (isAction(entry.event)) record(entry.event, entry.data);
  });

  /* The page's life. */

  const followRoutes = () => {
    ["pushState", "replaceState"].forEach((name) => {
      const native = history[name];
      history[name] = function (...given) {
        const result = native.apply(this, given);
        visitIfMoved();
        return result;
      };
    });
    listen(window, "popstate hashchange", visitIfMoved);
    listen(window, "pageshow", (event) => event.persisted && visit());
  };

  const begin = safe(() => {
    restore();
    attempt(followGoogle);
    attempt(weighConsent);
    layer.splice(0).forEach(accept);
    attempt(retry);
    visit();
    listen(window, "pointerdown click auxclick", onPress);
    listen(window, "submit", (event) => decorateElement(event.target) && startCheckout());
    listen(window, "CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated load", weighConsent);
    listen(document, "DOMContentLoaded", weighConsent);
    listen(window, "pagehide", () => {
      if ("keepalive" in Request.prototype) return;
      readQueue().forEach((item) => navigator.sendBeacon(addressOf(item), JSON.stringify(item.body)));
    });
    attempt(followRoutes);
    attempt(watchLinks);
  });

  layer.consent = safe(decide);
  layer.decorate = (address) =>
    attempt(() => (isAllowed() ? decorateAddress(address, fieldsOf(address) || ["sck"]) : address), address);
  layer.push = (...entries) => entries.forEach(accept);
  if (document.prerendering) listen(document, "prerenderingchange", begin);
  else begin();
})();
