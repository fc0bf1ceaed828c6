// Lists, adds, ticks and removes todos through the API beside this page.
"use strict";

const api = new URL("../todo", document.currentScript.src);
const list = document.getElementById("todos");
const message = document.getElementById("message");

async function call(method, id, body) {
  const url = id === undefined ? api : `${api}/${id}`;
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const reply = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const envelope = await reply.json();
  message.textContent = (envelope.errors || []).map((error) => error.msg).join(" ");
  return envelope.response;
}

async function change(method, id, body) {
  await call(method, id, body);
  const answer = message.textContent;
  await show();
  message.textContent = answer;
}

function button(text, label, act) {
  const made = document.createElement("button");
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function row(todo) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const status = todo.status === "checked" ? "unchecked" : "checked";
  item.className = todo.status;
  name.textContent = todo.name;
  item.append(
    button(todo.status === "checked" ? "☑" : "☐", `Mark ${todo.name} as ${status}`, () =>
      change("PUT", todo._id, { status })),
    name,
    button("✕", `Remove ${todo.name}`, () => change("DELETE", todo._id)),
  );
  return item;
}

async function show() {
  const todos = await call("GET");
  list.replaceChildren(...(todos || []).map(row));
}

document.getElementById("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = event.target.elements.name;
  await change("POST", undefined, { name: name.value });
  name.value = "";
});

show().catch(() => {
  message.textContent = "The server does not answer.";
});
