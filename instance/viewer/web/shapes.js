// From an object as the viewer describes it to something three.js can draw.

import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const SIZE_OF_A_FITTED_MODEL = 3; // metres, along its longest side

const number = (v, otherwise, least, most) =>
  typeof v === 'number' ? Math.min(most, Math.max(least, v)) : otherwise;

export function colourOf(o, otherwise = '#9db2cc') {
  const c = new THREE.Color(otherwise);
  if (Array.isArray(o.color)) c.setRGB(...o.color.slice(0, 3)); // linear, as Blender means it
  else if (o.color !== undefined) c.set(o.color);
  return c;
}

export const kindOf = (o) => String(o.type).toLowerCase();

// geometryOf gives every shape a size of one metre; scale does the rest.
function geometryOf(o, detail) {
  switch (kindOf(o)) {
    case 'cube': case 'box': return new THREE.BoxGeometry(1, 1, 1);
    case 'sphere': return new THREE.SphereGeometry(0.5, detail, Math.ceil(detail / 2));
    case 'cylinder': return new THREE.CylinderGeometry(0.5, 0.5, 1, detail);
    case 'cone': return new THREE.ConeGeometry(0.5, 1, detail);
    case 'torus': return new THREE.TorusGeometry(0.44, 0.06, Math.ceil(detail / 2), detail * 2);
    case 'plane': return new THREE.PlaneGeometry(1, 1);
    case 'mesh': return o.vertices ? meshGeometry(o) : null;
    default: return null;
  }
}

function meshGeometry(o) {
  const g = new THREE.BufferGeometry();
  g.setAttribute('position', new THREE.Float32BufferAttribute(o.vertices, 3));
  if (o.indices) g.setIndex(o.indices);
  g.computeVertexNormals();
  return g;
}

function materialOf(o) {
  const opacity = number(o.opacity, 1, 0, 1);
  const sheet = ['plane', 'mesh'].includes(kindOf(o));
  return new THREE.MeshStandardMaterial({
    color: colourOf(o),
    roughness: number(o.roughness, 0.45, 0, 1),
    metalness: number(o.metalness, 0.05, 0, 1),
    opacity,
    transparent: opacity < 1,
    side: sheet ? THREE.DoubleSide : THREE.FrontSide,
    // Back faces, three's choice, let light in where a thing touches the ground.
    shadowSide: sheet ? THREE.DoubleSide : THREE.FrontSide,
  });
}

// build returns a group with the object's transform and, as soon as there is any,
// its content. loaded is called when content arrives later (glTF), or with an error.
export function build(o, detail, loaded) {
  const group = new THREE.Group();
  group.name = o.id;
  place(group, o);
  const geometry = geometryOf(o, detail);
  if (geometry) {
    group.add(shadowed(new THREE.Mesh(geometry, materialOf(o))));
  } else if (o.url) {
    loadModel(o, group).then((clips) => loaded(null, clips), (fault) => loaded(fault));
  }
  return group;
}

export function place(group, o) {
  group.position.fromArray(o.position ?? [0, 0, 0]);
  group.rotation.fromArray([...(o.rotation ?? [0, 0, 0]), 'XYZ']);
  group.scale.fromArray(o.scale ?? [1, 1, 1]);
  group.visible = o.visible !== false;
}

async function loadModel(o, group) {
  const url = o.url.startsWith('data:') ? o.url : new URL(o.url.replace(/^\/+/, ''), document.baseURI).href;
  const model = await new GLTFLoader().loadAsync(url);
  if (o.fit) fit(model.scene);
  model.scene.traverse((part) => part.isMesh && shadowed(part));
  group.add(model.scene);
  return { root: model.scene, clips: model.animations };
}

// fit stands a model of unknown unit and origin on the ground, at a size that shows.
function fit(root) {
  const box = new THREE.Box3().setFromObject(root);
  const size = box.getSize(new THREE.Vector3());
  const k = SIZE_OF_A_FITTED_MODEL / (Math.max(size.x, size.y, size.z) || 1);
  const centre = box.getCenter(new THREE.Vector3());
  root.scale.multiplyScalar(k);
  root.position.multiplyScalar(k).sub(new THREE.Vector3(centre.x, box.min.y, centre.z).multiplyScalar(k));
}

function shadowed(mesh) {
  mesh.castShadow = mesh.receiveShadow = true;
  return mesh;
}

export function dispose(group) {
  group.traverse((part) => {
    part.geometry?.dispose();
    for (const m of [part.material ?? []].flat()) {
      for (const v of Object.values(m)) if (v?.isTexture) v.dispose();
      m.dispose();
    }
  });
}

// outline draws the selected object's hull a little larger, from behind.
export function outline(group, colour) {
  const hulls = [];
  group.updateWorldMatrix(true, true);
  group.traverse((part) => {
    if (!part.isMesh || part.isSkinnedMesh) return;
    const size = part.getWorldScale(new THREE.Vector3());
    const material = new THREE.MeshBasicMaterial({ color: colour, side: THREE.BackSide, toneMapped: false });
    material.onBeforeCompile = (shader) => {
      shader.uniforms.grow = { value: new THREE.Vector3(0.028 / size.x, 0.028 / size.y, 0.028 / size.z) };
      shader.vertexShader = 'uniform vec3 grow;\n' + shader.vertexShader.replace(
        '#include <begin_vertex>', 'vec3 transformed = position + normalize(normal) * grow;');
    };
    const hull = new THREE.Mesh(part.geometry, material);
    hull.raycast = () => {};
    hulls.push([part, hull]);
  });
  for (const [part, hull] of hulls) part.add(hull);
  return () => {
    for (const [part, hull] of hulls) { part.remove(hull); hull.material.dispose(); }
  };
}

// randomShape finds a free place on the ground near the middle.
export function randomShape(objects, hue) {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const between = (a, b) => a + Math.random() * (b - a);
  const type = pick(['cube', 'sphere', 'cylinder', 'cone', 'torus']);
  const size = between(0.5, 1.0);
  const taken = objects.map((o) => o.position ?? [0, 0, 0]);
  let spot = [0, 0], best = -1;
  for (let i = 0; i < 24; i++) {
    const [a, r] = [between(0, 2 * Math.PI), between(1.4, 3.4)];
    const at = [r * Math.cos(a), r * Math.sin(a)];
    const room = Math.min(2, ...taken.map((p) => Math.hypot(p[0] - at[0], p[2] - at[1])));
    if (room > best) [spot, best] = [at, room];
  }
  const colour = new THREE.Color().setHSL(
    ((hue + pick([0, 24, -24, 150, 180, 205])) / 360 + 1) % 1, between(0.5, 0.72), between(0.5, 0.68), THREE.SRGBColorSpace);
  const round = (v) => Math.round(v * 1000) / 1000;
  const flat = type === 'torus';
  const n = objects.filter((o) => kindOf(o) === type).length + 1;
  return {
    id: `${type}-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 7)}`,
    type,
    name: `${type[0].toUpperCase()}${type.slice(1)} ${n}`,
    position: [round(spot[0]), round(flat ? size * 0.09 : size / 2), round(spot[1])],
    rotation: [flat ? round(Math.PI / 2) : 0, flat ? 0 : round(between(0, Math.PI)), 0],
    scale: [size, size, flat ? size * 1.5 : size].map(round),
    color: `#${colour.getHexString()}`,
    roughness: round(between(0.2, 0.6)),
    visible: true,
  };
}
