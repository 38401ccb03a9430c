/*
 * Served at a stable address with the funnel's settings in place of CONFIG, and fetched again every few minutes.
 * It leaves the settings on the data layer and brings in the script itself, whose address changes with its content.
 * `import` holds up neither the page nor its load event, and passes the nonce of a strict CSP on.
 */
(function (config) {
  "use strict";
  try {
    if (!Array.isArray(window.hubtrack)) window.hubtrack = [];
    if (window.hubtrack.config) return;
    window.hubtrack.config = config;
    import(config.hub + config.script).catch(function () {});
  } catch (error) { /* the page goes on without us */ }
})(CONFIG);
