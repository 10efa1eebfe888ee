#include "api/rest/docs_page.h"

namespace ipfsc::api::rest {

// All text of the document is put in as text (textContent), never as HTML.
const std::string_view kDocsPage = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>REST API</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --get: #1769aa; --post: #2e7d32; --delete: #c62828; }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; display: grid; grid-template-columns: 17rem 1fr; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); }
nav a { display: block; color: inherit; text-decoration: none; font: 13px/1.7 monospace; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
main { padding: 1rem 2rem; max-width: 70rem; min-width: 0; }
input { width: 100%; padding: .4rem; font: inherit; }
h1 { margin: 0; } h2 { margin: 2rem 0 .5rem; } h4 { margin: 1rem 0 .3rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; }
summary { padding: .5rem .8rem; cursor: pointer; display: flex; gap: .8rem; flex-wrap: wrap; align-items: baseline; }
details > div { padding: 0 .8rem .8rem; }
.method { font: bold 12px monospace; color: #fff; padding: .15rem .5rem; border-radius: 4px; background: #666; }
.get { background: var(--get); } .post { background: var(--post); } .delete { background: var(--delete); }
code, .path { font-family: monospace; } .right { margin-left: auto; opacity: .7; font-size: 13px; }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: .3rem .6rem .3rem 0;
  vertical-align: top; } td:first-child { white-space: nowrap; font-family: monospace; }
.soft { opacity: .7; } .type { color: var(--get); font-family: monospace; }
a.type { text-decoration: none; border-bottom: 1px dotted; }
@media (max-width: 50rem) { body { display: block; } nav { display: none; } main { padding: 1rem; } }
</style></head><body><nav></nav><main><h1>REST API</h1><p id="about">Loading …</p></main>
<script>
"use strict";
const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
// Texts have `code` and nothing else of Markdown.
const prose = text => (text || "").split("`").map((part, i) => i % 2 ? make("code", {}, part) : part);

let spec;
const follow = item => item.$ref ? item.$ref.slice(2).split("/").reduce((at, key) => at[key], spec) : item;

function type(schema) {
  if (!schema) return [];
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return [make("a", { class: "type", href: "#schema-" + name }, name)];
  }
  if (schema.anyOf) return schema.anyOf.flatMap((one, i) => i ? [" or ", ...type(one)] : type(one));
  if (schema.type === "array") return ["list of ", ...type(schema.items)];
  if (schema.enum) return [make("span", { class: "type" }, schema.enum.map(value => JSON.stringify(value)).join(" | "))];
  if (typeof schema.additionalProperties === "object") return ["map of ", ...type(schema.additionalProperties)];
  let text = schema.format || schema.type || "any";
  if (schema.examples) text += ", like " + schema.examples.join(", ");
  return [make("span", { class: "type" }, text)];
}

function members(schema) {
  const rows = Object.entries(schema.properties || {}).map(([name, value]) => make("tr", {},
    make("td", {}, name + ((schema.required || []).includes(name) ? "" : "?")),
    make("td", {}, ...type(value)), make("td", {}, ...prose(value.description))));
  return rows.length ? make("table", {}, ...rows) : make("p", {}, ...type(schema));
}

function answer(status, response) {
  const cell = make("td", {}, ...prose(response.description));
  for (const [kind, media] of Object.entries(response.content || {})) {
    const schema = media.schema || media["x-item-schema"];
    cell.append(make("div", {}, make("span", { class: "soft" }, kind + (media["x-item-schema"] ? ", each: " : ": ")),
      ...type(schema)));
  }
  return make("tr", {}, make("td", {}, status), cell);
}

function operation(method, path, item) {
  const box = make("div", {}, make("p", {}, ...prose(item.description)));
  const parameters = (item.parameters || []).map(follow);
  if (parameters.length) {
    box.append(make("h4", {}, "Parameters"), make("table", {}, ...parameters.map(p => make("tr", {},
      make("td", {}, p.name + (p.schema.propertyNames ? "KEY" : "") + (p.required ? "" : "?")),
      make("td", { class: "soft" }, p.in), make("td", {}, ...type(p.schema)),
      make("td", {}, ...prose(p.description))))));
  }
  for (const [kind, media] of Object.entries(item.requestBody?.content || {})) {
    box.append(make("h4", {}, "Body"), make("p", {}, kind + ": ", ...type(media.schema), " ",
      ...prose(item.requestBody.description)));
  }
  box.append(make("h4", {}, "Answers"), make("table", {}, ...Object.entries(item.responses)
    .map(([status, response]) => answer(status, follow(response)))));
  const right = item["x-operation"] ? "right: " + item["x-operation"] : "open to all";
  return make("details", { id: item.operationId, "data-text": `${method} ${path} ${item.summary}`.toLowerCase() },
    make("summary", {}, make("span", { class: "method " + method }, method.toUpperCase()),
      make("span", { class: "path" }, path), item.summary, make("span", { class: "right" }, right)), box);
}

function show() {
  const main = document.querySelector("main"), nav = document.querySelector("nav");
  document.title = `${spec.info.title} ${spec.info.version}`;
  main.querySelector("h1").textContent = document.title;
  document.getElementById("about").replaceChildren(...prose(spec.info.description));
  const search = make("input", { type: "search", placeholder: "Search", "aria-label": "Search" });
  nav.append(search, make("p", {}, make("a", { href: "openapi.json" }, "openapi.json")));
  for (const tag of spec.tags) {
    main.append(make("h2", {}, tag.name));
    nav.append(make("b", {}, tag.name));
    for (const [path, methods] of Object.entries(spec.paths)) {
      for (const [method, item] of Object.entries(methods)) {
        if (!item.tags.includes(tag.name)) continue;
        main.append(operation(method, path, item));
        nav.append(make("a", { href: "#" + item.operationId }, `${method.toUpperCase()} ${path}`));
      }
    }
  }
  main.append(make("h2", {}, "Schemas"));
  for (const [name, schema] of Object.entries(spec.components.schemas)) {
    main.append(make("details", { id: "schema-" + name, "data-text": name.toLowerCase() },
      make("summary", {}, make("code", {}, name), ...prose(schema.description)), make("div", {}, members(schema))));
  }
  search.addEventListener("input", () => {
    for (const box of document.querySelectorAll("details")) {
      box.hidden = !box.dataset.text.includes(search.value.toLowerCase());
    }
  });
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
}

fetch("openapi.json").then(answer => {
  if (!answer.ok) throw new Error(`openapi.json was answered ${answer.status}`);
  return answer.json();
}).then(document => { spec = document; show(); })
  .catch(error => { document.getElementById("about").textContent = String(error); });
</script></body></html>
)html";

}  // namespace ipfsc::api::rest
