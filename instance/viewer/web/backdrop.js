// What every scene stands in: light, sky and ground.

import * as THREE from 'three';

const hsl = (h, s, l) => new THREE.Color().setHSL((h % 360) / 360, s, l, THREE.SRGBColorSpace); // as CSS means it

// palette returns the colours for a hue in dark or light surroundings.
function palette(hue, dark) {
  return dark
    ? { zenith: hsl(hue, 0.26, 0.11), horizon: hsl(hue, 0.24, 0.27), ground: hsl(hue, 0.24, 0.14), line: hsl(hue, 0.40, 0.72), lines: 0.26, pool: 0.3, shade: 0.5, sky: 1.0, sun: 2.4 }
    : { zenith: hsl(hue, 0.30, 0.86), horizon: hsl(hue, 0.36, 0.945), ground: hsl(hue, 0.22, 0.84), line: hsl(hue, 0.40, 0.34), lines: 0.34, pool: 0.22, shade: 0.26, sky: 1.35, sun: 2.2 };
}

export class Backdrop {
  constructor(scene, renderer) {
    this.scene = scene;
    this.renderer = renderer;

    this.sky = new THREE.HemisphereLight('#ffffff', '#202020', 1);
    this.sun = new THREE.DirectionalLight('#fff3e2', 2.4);
    this.sun.position.set(-5.5, 7, 3.2);
    Object.assign(this.sun.shadow.camera, { left: -9, right: 9, top: 9, bottom: -9, near: 0.5, far: 30 });
    this.sun.shadow.bias = -0.0006;
    this.sun.shadow.normalBias = 0.03;
    this.sun.shadow.radius = 2;
    this.rim = new THREE.DirectionalLight('#cfe0ff', 1);
    this.rim.position.set(6, 3.5, -5);

    this.grid = new THREE.Mesh(new THREE.CircleGeometry(30, 64), gridMaterial());
    this.grid.rotation.x = -Math.PI / 2;
    this.grid.position.y = -0.004;
    this.grid.renderOrder = -1;
    this.shade = new THREE.Mesh(new THREE.CircleGeometry(14, 48), new THREE.ShadowMaterial({ depthWrite: false }));
    this.shade.rotation.x = -Math.PI / 2;
    this.shade.receiveShadow = true;

    scene.add(this.sky, this.sun, this.rim, this.grid, this.shade);
  }

  paint(hue, dark) {
    const p = palette(hue, dark);
    this.scene.background?.dispose?.();
    this.scene.background = gradient(p.zenith, p.horizon, p.ground);
    this.sky.color.copy(hsl(hue, 0.35, 0.9));
    this.sky.groundColor.copy(hsl(hue + 20, 0.25, dark ? 0.22 : 0.6));
    this.sky.intensity = p.sky;
    this.sun.intensity = p.sun;
    this.rim.color.copy(hsl(hue, 0.7, 0.78));
    this.shade.material.opacity = p.shade;
    const u = this.grid.material.uniforms;
    u.line.value.copy(p.line);
    u.lines.value = p.lines;
    u.glow.value.copy(p.horizon);
    u.pool.value = p.pool;
    this.studio?.dispose();
    this.studio = null;
    this.hue = hue;
  }

  // set applies a quality: shadow size in pixels (0: none) and reflections.
  set({ shadow, reflections }) {
    this.sun.castShadow = this.shade.visible = shadow > 0;
    if (shadow && this.sun.shadow.mapSize.x !== shadow) {
      this.sun.shadow.mapSize.set(shadow, shadow);
      this.sun.shadow.map?.dispose();
      this.sun.shadow.map = null;
    }
    if (reflections && !this.studio) this.studio = studio(this.renderer, this.hue);
    this.scene.environment = reflections ? this.studio.texture : null;
    this.scene.environmentIntensity = 0.55;
  }
}

function gradient(zenith, horizon, ground) {
  const canvas = document.createElement('canvas');
  canvas.width = 4;
  canvas.height = 512;
  const pen = canvas.getContext('2d');
  const g = pen.createLinearGradient(0, 0, 0, canvas.height);
  g.addColorStop(0, zenith.getStyle());
  g.addColorStop(0.42, horizon.getStyle());
  g.addColorStop(1, ground.getStyle());
  pen.fillStyle = g;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  return texture;
}

// studio is what shiny things reflect: a dim room with a window and two soft boxes.
function studio(renderer, hue) {
  const room = new THREE.Scene();
  const add = (geometry, colour, power, at, size) => {
    const m = new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({ color: colour.clone().multiplyScalar(power), side: THREE.DoubleSide }));
    m.position.set(...at);
    m.scale.set(...size);
    m.lookAt(0, 0, 0);
    room.add(m);
  };
  const panel = new THREE.PlaneGeometry(1, 1);
  add(new THREE.SphereGeometry(20, 24, 12), hsl(hue, 0.25, 0.5), 0.55, [0, 0.01, 0], [1, 1, 1]);
  add(panel, new THREE.Color('#fff6ea'), 14, [6, 9, 4], [6, 6, 1]);
  add(panel, hsl(hue, 0.5, 0.8), 7, [-10, 4, -3], [3, 9, 1]);
  add(panel, hsl(hue + 170, 0.5, 0.8), 4, [9, 3, -9], [3, 8, 1]);
  const generator = new THREE.PMREMGenerator(renderer);
  const target = generator.fromScene(room, 0.03);
  generator.dispose();
  room.traverse((m) => { m.geometry?.dispose(); m.material?.dispose(); });
  return target;
}

// gridMaterial draws lines of constant width on screen that fade out with distance,
// which a mesh of lines cannot do without flicker.
function gridMaterial() {
  return new THREE.ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: {
      line: { value: new THREE.Color() }, lines: { value: 0.2 },
      glow: { value: new THREE.Color() }, pool: { value: 0.2 },
    },
    vertexShader: `
      varying vec2 at;
      void main() {
        vec4 world = modelMatrix * vec4(position, 1.0);
        at = world.xz;
        gl_Position = projectionMatrix * viewMatrix * world;
      }`,
    fragmentShader: `
      uniform vec3 line, glow;
      uniform float lines, pool;
      varying vec2 at;
      float grid(float every) {
        vec2 p = at / every, w = fwidth(p);
        vec2 d = abs(fract(p - 0.5) - 0.5) / w;
        return (1.0 - min(min(d.x, d.y), 1.0)) * (1.0 - smoothstep(0.15, 0.5, max(w.x, w.y)));
      }
      void main() {
        float r = length(at);
        float fade = 1.0 - smoothstep(3.0, 15.0, r);
        float l = max(grid(1.0) * 0.55, grid(5.0)) * lines * fade;
        float g = pool * exp(-r * r / 22.0);
        gl_FragColor = vec4(mix(glow * 1.6, line, l / max(l + g, 1e-4)), max(l, g));
        #include <colorspace_fragment>
      }`,
  });
}
