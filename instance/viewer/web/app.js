// One page of one viewer. The viewer holds the scene; the page asks for changes and
// shows what it is told.

import { Link } from './link.js';
import { Panel } from './panel.js';
import { randomShape } from './shapes.js';
import { Stage } from './stage.js';

const objects = new Map(); // id → object, as the viewer last described it
const light = matchMedia('(prefers-color-scheme: light)');
let config = null;
let state = 'connecting';
let quality = '';
let seen = false; // a scene has arrived before
let mine = null; // id of the object that this page asked for last

const say = (type, more = {}) => link.send({ type, ...more }) || panel.toast('Not connected: nothing was changed', true);
const update = (update_type, object_data = null) => say('object_update', { update_type, object_data });

const panel = new Panel({
  add() {
    const o = randomShape([...objects.values()], config?.hue ?? 210);
    mine = o.id;
    update('object_added', o);
  },
  remove() { if (stage?.selected ?? selected) update('object_deleted', { id: stage?.selected ?? selected }); },
  clear: () => update('scene_cleared'),
  reset: () => say('reset_view'),
  quality: (q) => say('set_quality', { quality: q }),
  select,
});
let selected = null; // used where there is no stage

function select(id) {
  if (stage) return stage.select(id);
  selected = id;
  panel.select(id);
}

let stage = null;
try {
  stage = new Stage(document.getElementById('view'), {
    select: (id) => panel.select(id),
    fps: (rate, idle) => panel.fps(rate, idle),
    fault: (text) => panel.toast(text, true),
  });
  stage.paint(210, !light.matches);
} catch (fault) {
  console.error(fault);
  panel.toast('This browser cannot draw WebGL; the list of objects still works', true);
}

const repaint = () => stage?.paint(config?.hue ?? 210, !light.matches);
const inset = () => { const c = panel.covered(); stage?.inset(c.right, c.bottom); };
light.addEventListener('change', repaint);
panel.onDrawer(inset);
addEventListener('resize', inset);
inset();

const link = new Link({
  config(next) {
    const before = config;
    config = next;
    panel.config(next);
    if (before?.hue !== next.hue) repaint();
    if (before && before.instance !== next.instance) panel.toast(`This address now belongs to ${next.instance}`, true);
    else if (before && before.generation !== next.generation) panel.toast(`${next.instance} was restarted`);
  },
  state(name, detail) {
    state = name;
    panel.state(name);
    if (name === 'reconnecting') console.info(`reconnecting in ${Math.round(detail.delay)} ms: ${detail.reason}`);
  },
  message: (m) => handlers[m.type]?.(m),
});

const handlers = {
  scene_state(m) {
    setQuality(m.quality);
    objects.clear();
    for (const o of m.objects) objects.set(o.id, o);
    stage?.replace(m.objects);
    panel.objects(m.objects);
    if (!seen) stage?.look(m.camera, true); // later the view is the person's own
    seen = true;
  },
  object_update({ update_type, object_data: o }) {
    if (update_type === 'scene_cleared') {
      objects.clear();
      stage?.replace([]);
    } else if (update_type === 'object_deleted') {
      objects.delete(o.id);
      stage?.drop(o.id);
    } else {
      objects.set(o.id, o);
      stage?.put(o, update_type === 'object_added');
    }
    panel.objects([...objects.values()]);
    if (o?.id === mine && update_type === 'object_added') select(o.id);
  },
  camera_reset: (m) => stage?.look(m),
  quality_changed: (m) => setQuality(m.quality),
  error: (m) => panel.toast(m.message, true),
};

function setQuality(q) {
  panel.quality(q);
  if (q === quality) return;
  quality = q;
  stage?.setQuality(q);
}

// For consoles and tests.
window.miktos = {
  get config() { return config; },
  get state() { return state; },
  get quality() { return quality; },
  get selected() { return stage?.selected ?? selected; },
  get stage() { return stage; },
  objects: () => [...objects.values()],
  readPixels: () => stage?.readPixels() ?? null,
  send: (message) => link.send(message),
  select,
};

link.run();
