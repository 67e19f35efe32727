// The picture: holds what three.js draws, and draws only when something changed, so
// that a tab nobody touches costs nothing.

import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { Backdrop } from './backdrop.js';
import { build, dispose, outline, place } from './shapes.js';

const QUALITY = {
  low: { ratio: () => 0.75, shadow: 0, reflections: false, detail: 18 },
  medium: { ratio: (dpr) => Math.min(dpr, 1.25), shadow: 1024, reflections: false, detail: 32 },
  high: { ratio: (dpr) => Math.min(dpr, 2), shadow: 2048, reflections: true, detail: 56 },
  ultra: { ratio: (dpr) => Math.min(Math.max(dpr * 1.5, 2), 3), shadow: 4096, reflections: true, detail: 96 },
};
const CLICK = 5; // pixels a pointer may move between down and up
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Stage {
  #parts = new Map(); // id → { o, group, unmark }
  #tweens = new Set();
  #mixers = new Map(); // group → AnimationMixer
  #quality = QUALITY.low; // until the viewer says; costs the least to begin with
  #selected = null;
  #scheduled = false;
  #last = 0;
  #rate = 0;
  #quiet = 0;

  // on: { select(id or null), fps(rate, idle), fault(text) }. Throws without WebGL.
  constructor(canvas, on) {
    this.canvas = canvas;
    this.on = on;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true });
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(36, 1, 0.05, 500);
    this.camera.position.set(5.2, 3.4, 6.4);
    this.backdrop = new Backdrop(this.scene, this.renderer);
    this.controls = new OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enableDamping: !calm.matches, dampingFactor: 0.09, minDistance: 0.6, maxDistance: 60, maxPolarAngle: Math.PI * 0.495 });
    this.controls.addEventListener('change', () => this.draw());
    this.#listen();
  }

  paint(hue, dark) {
    this.accent = new THREE.Color().setHSL(hue / 360, 0.9, dark ? 0.78 : 0.45, THREE.SRGBColorSpace);
    this.backdrop.paint(hue, dark);
    this.backdrop.set(this.#quality);
    this.select(this.#selected);
  }

  // put adds an object or replaces it; fresh ones grow into place.
  put(o, fresh = false) {
    const old = this.#parts.get(o.id);
    if (old && JSON.stringify(old.o) === JSON.stringify(o)) return;
    if (old) this.#remove(old);
    const group = build(o, this.#quality.detail, (fault, model) => this.#arrived(o, group, fault, model));
    this.scene.add(group);
    this.#parts.set(o.id, { o, group, unmark: null });
    if (fresh && !old && !calm.matches) {
      const full = group.scale.clone();
      this.#tween(380, (t) => {
        const s = 1 + 2.2 * (t - 1) ** 3 + 1.2 * (t - 1) ** 2; // runs a little over the end
        group.scale.copy(full).multiplyScalar(Math.max(s, 1e-3));
      });
    }
    if (o.id === this.#selected) this.select(o.id);
    this.draw();
  }

  #arrived(o, group, fault, model) {
    if (this.#parts.get(o.id)?.group !== group) return void dispose(group); // gone meanwhile
    if (fault) return this.on.fault(`${o.name ?? o.id}: ${fault.message}`);
    if (model.clips.length && !calm.matches) {
      const mixer = new THREE.AnimationMixer(model.root);
      mixer.clipAction(model.clips[0]).play();
      this.#mixers.set(group, mixer);
    }
    if (o.id === this.#selected) this.select(o.id);
    this.draw();
  }

  drop(id) {
    const part = this.#parts.get(id);
    if (!part) return;
    this.#remove(part);
    this.#parts.delete(id);
    if (id === this.#selected) this.select(null);
    this.draw();
  }

  #remove(part) {
    part.unmark?.();
    this.#mixers.delete(part.group);
    this.scene.remove(part.group);
    dispose(part.group);
  }

  // replace makes the stage show exactly these objects, touching only what differs.
  replace(objects) {
    const wanted = new Set(objects.map((o) => o.id));
    for (const id of [...this.#parts.keys()]) if (!wanted.has(id)) this.drop(id);
    for (const o of objects) this.put(o);
  }

  select(id) {
    this.#parts.get(this.#selected)?.unmark?.();
    const part = this.#parts.get(id);
    this.#selected = part ? id : null;
    if (part) {
      place(part.group, part.o); // an outline is measured at full size
      part.unmark = outline(part.group, this.accent);
    }
    this.on.select(this.#selected);
    this.draw();
  }

  get selected() { return this.#selected; }

  setQuality(name) {
    this.#quality = QUALITY[name] ?? QUALITY.high;
    this.backdrop.set(this.#quality);
    for (const { o } of [...this.#parts.values()]) {
      this.#remove(this.#parts.get(o.id));
      this.#parts.delete(o.id);
      this.put(o);
    }
    this.resize();
  }

  // look moves to a position and target, the first time from a little further away. A
  // narrow window steps back to see as much.
  look({ position, target }, entrance = false) {
    const to = new THREE.Vector3(...target);
    const offset = new THREE.Vector3(...position).sub(to);
    offset.multiplyScalar(Math.min(2.3, Math.max(1, 1.2 / this.camera.aspect)));
    const goal = to.clone().add(offset);
    this.#still();
    if (entrance) this.camera.position.copy(to).addScaledVector(offset, 1.22);
    const from = { p: this.camera.position.clone(), t: this.controls.target.clone() };
    if (entrance) from.t.copy(to);
    this.#tween(calm.matches ? 0 : entrance ? 900 : 520, (t) => {
      const k = 1 - (1 - t) ** 3;
      this.camera.position.lerpVectors(from.p, goal, k);
      this.controls.target.lerpVectors(from.t, to, k);
    });
  }

  // still ends the swing of an earlier drag, which would go on after the move.
  #still() {
    this.controls.enableDamping = false;
    this.controls.update();
    this.controls.enableDamping = !calm.matches;
  }

  // inset says how much of the window is covered on the right and at the bottom (px).
  inset(right, bottom) {
    this.covered = { right, bottom };
    this.resize();
  }

  resize() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (!w || !h) return;
    this.renderer.setPixelRatio(this.#quality.ratio(devicePixelRatio));
    this.renderer.setSize(w, h, false);
    this.camera.aspect = w / h;
    const { right = 0, bottom = 0 } = this.covered ?? {};
    this.camera.setViewOffset(w, h, right / 2, bottom / 2, w, h);
    this.draw();
  }

  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.#scheduled = false;
    const passed = this.#last ? now - this.#last : 0;
    this.#last = now;
    for (const step of this.#tweens) step(now);
    for (const mixer of this.#mixers.values()) mixer.update(Math.min(passed, 100) / 1000);
    this.controls.update(); // asks for the next frame while it still swings
    this.renderer.render(this.scene, this.camera);
    if (passed > 0 && passed < 400) {
      this.#rate = this.#rate ? this.#rate * 0.9 + (1000 / passed) * 0.1 : 1000 / passed;
      this.on.fps(this.#rate, false);
    }
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => { this.#last = 0; this.on.fps(this.#rate, true); }, 500);
    if (this.#tweens.size || this.#mixers.size) this.draw();
  }

  #tween(ms, step) {
    let start = 0;
    const run = (now) => {
      start ||= now;
      const t = ms && now < Infinity ? Math.min(1, (now - start) / ms) : 1;
      step(t);
      if (t === 1) this.#tweens.delete(run);
    };
    this.#tweens.add(run);
    this.draw();
  }

  // readPixels renders now and looks at what came out. A frame is blank when nearly
  // all of it is one colour. count(test) counts pixels whose (r, g, b) pass the test.
  readPixels() {
    for (const finish of this.#tweens) finish(Infinity);
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
    const gl = this.renderer.getContext();
    const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
    const data = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
    const seen = new Map();
    let hash = 2166136261;
    for (let i = 0; i < data.length; i += 4) {
      const key = (data[i] >> 4 << 8) | (data[i + 1] >> 4 << 4) | (data[i + 2] >> 4);
      seen.set(key, (seen.get(key) ?? 0) + 1);
      hash = Math.imul(hash ^ (data[i] | data[i + 1] << 8 | data[i + 2] << 16), 16777619);
    }
    const most = Math.max(0, ...seen.values()) / (width * height);
    return {
      width, height, data, colours: seen.size, most, hash: hash >>> 0,
      nonBlank: width > 0 && seen.size >= 16 && most < 0.95,
      count(test) {
        let n = 0;
        for (let i = 0; i < data.length; i += 4) if (test(data[i], data[i + 1], data[i + 2])) n++;
        return n;
      },
    };
  }

  // at returns the id of the object under a point of the window, or null.
  at(x, y) {
    const box = this.canvas.getBoundingClientRect();
    const point = new THREE.Vector2(((x - box.left) / box.width) * 2 - 1, 1 - ((y - box.top) / box.height) * 2);
    const ray = new THREE.Raycaster();
    ray.setFromCamera(point, this.camera);
    const groups = [...this.#parts.values()].map((p) => p.group).filter((g) => g.visible);
    let hit = ray.intersectObjects(groups, true)[0]?.object;
    while (hit && !groups.includes(hit)) hit = hit.parent;
    return hit?.name ?? null;
  }

  // screen returns where in the window an object's origin is.
  screen(id) {
    const p = this.#parts.get(id)?.group.getWorldPosition(new THREE.Vector3()).project(this.camera);
    const box = this.canvas.getBoundingClientRect();
    return p && { x: box.left + ((p.x + 1) / 2) * box.width, y: box.top + ((1 - p.y) / 2) * box.height };
  }

  #listen() {
    let down = null;
    this.canvas.addEventListener('pointerdown', (e) => { down = e.isPrimary && e.button === 0 ? [e.clientX, e.clientY] : null; });
    this.canvas.addEventListener('pointerup', (e) => {
      if (down && Math.hypot(e.clientX - down[0], e.clientY - down[1]) < CLICK) this.select(this.at(e.clientX, e.clientY));
      down = null;
    });
    this.canvas.addEventListener('keydown', (e) => {
      const c = this.controls, turn = 0.12;
      const act = {
        ArrowLeft: () => c.rotateLeft(turn), ArrowRight: () => c.rotateLeft(-turn),
        ArrowUp: () => c.rotateUp(turn), ArrowDown: () => c.rotateUp(-turn),
        '+': () => c.dollyIn(0.9), '=': () => c.dollyIn(0.9), '-': () => c.dollyOut(0.9),
      }[e.key];
      if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      act();
      this.draw();
    });
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    this.canvas.addEventListener('webglcontextrestored', () => this.draw());
  }
}
