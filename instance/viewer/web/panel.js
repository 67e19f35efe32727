// Everything around the picture: header, list of objects, tools, notices.

import { colourOf, kindOf } from './shapes.js';

const $ = (id) => document.getElementById(id);
const LISTED = 200; // more rows than this help nobody and cost layout time

export class Panel {
  #toast = 0;
  #rows = new Map(); // id → button
  #selected = null;

  // on: { add, remove, clear, reset, quality(name), select(id or null) }
  constructor(on) {
    $('add').onclick = on.add;
    $('delete').onclick = on.remove;
    $('clear').onclick = on.clear;
    $('reset').onclick = on.reset;
    $('quality').onchange = (e) => on.quality(e.target.value);
    $('objects').onclick = (e) => {
      const id = e.target.closest('button')?.dataset.id;
      if (id) on.select(id === this.#selected ? null : id);
    };
    addEventListener('keydown', (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.target.closest('select')) return;
      const act = { a: on.add, r: on.reset, Delete: on.remove, Backspace: on.remove, Escape: () => on.select(null) }[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    });
    $('drawer').open = innerWidth > 680;
  }

  config(c) {
    document.title = `${c.instance} · ${c.fleet}`;
    document.documentElement.style.setProperty('--hue', c.hue);
    $('instance').textContent = c.instance;
    $('lineage').textContent = [c.fleet, c.generation && `generation ${c.generation}`].filter(Boolean).join(' · ') + ' · ';
    $('http').textContent = c.http_port;
    $('ws').textContent = c.ws_port;
  }

  state(name) {
    document.body.dataset.link = name;
    $('link').textContent = name;
    for (const id of ['add', 'reset', 'quality']) $(id).disabled = name !== 'connected';
    $('clear').disabled = name !== 'connected' || this.#rows.size === 0;
    this.select(this.#selected);
  }

  fps(rate, idle) {
    $('fps').textContent = rate ? Math.round(rate) : '–';
    $('fps').classList.toggle('idle', idle);
  }

  quality(name) { $('quality').value = name; }

  objects(list) {
    $('count').textContent = list.length;
    $('empty').hidden = list.length > 0;
    $('clear').disabled = list.length === 0 || document.body.dataset.link !== 'connected';
    this.#rows.clear();
    $('objects').replaceChildren(...list.slice(0, LISTED).map((o) => this.#row(o)));
  }

  #row(o) {
    const make = (tag, cls, text = '') => Object.assign(document.createElement(tag), { className: cls, textContent: text });
    const button = make('button', '');
    button.type = 'button';
    button.dataset.id = o.id;
    button.setAttribute('aria-pressed', o.id === this.#selected);
    const swatch = make('span', 'swatch');
    swatch.style.background = `#${colourOf(o).getHexString()}`;
    button.append(swatch, make('span', 'name', o.name ?? o.id), make('span', 'kind', kindOf(o)));
    const li = make('li', o.visible === false ? 'faint' : '');
    li.append(button);
    this.#rows.set(o.id, button);
    return li;
  }

  select(id) {
    this.#rows.get(this.#selected)?.setAttribute('aria-pressed', 'false');
    this.#rows.get(id)?.setAttribute('aria-pressed', 'true');
    this.#rows.get(id)?.scrollIntoView({ block: 'nearest' });
    this.#selected = id;
    $('delete').disabled = !id || document.body.dataset.link !== 'connected';
  }

  toast(text, bad = false) {
    const t = $('toast');
    t.textContent = text;
    t.classList.toggle('bad', bad);
    t.hidden = false;
    clearTimeout(this.#toast);
    this.#toast = setTimeout(() => { t.hidden = true; }, bad ? 6000 : 2800);
  }

  // covered tells how much of the picture the panel hides, in pixels.
  covered() {
    const small = innerWidth <= 680;
    return { right: !small && $('drawer').open ? 216 : 0, bottom: small ? 20 : 0 };
  }

  onDrawer(f) { $('drawer').addEventListener('toggle', f); }
}
