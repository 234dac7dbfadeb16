"use strict";
// The cloud is drawn into a texture with its depth, then darkened where the surface behind is far (eye-dome lighting).
// document.documentElement.dataset.state tells a test how far the page is: "drawn" or "failed".

const byId = id => document.getElementById(id);
const header = JSON.parse(byId("header").textContent);
const canvas = byId("canvas");
const page = document.documentElement;

function fail(message) {
  page.dataset.state = "failed";
  byId("trouble").hidden = false;
  byId("trouble").textContent = message;
}
addEventListener("error", event => fail(event.message));

// ---- data: points, then the values of each layer

const bytes = Uint8Array.from(atob(byId("data").textContent), letter => letter.charCodeAt(0)).buffer;
byId("data").textContent = "";
const positions = new Float32Array(bytes, 0, header.points * 3);
let offset = positions.byteLength;
const layers = header.layers.map(layer => {
  const take = (size, make) => { const part = bytes.slice(offset, offset + size); offset += size; return make(part); };
  const n = header.points;
  if (layer.kind === "classes") return { ...layer, values: take(2 * n, part => new Uint16Array(part)) };
  if (layer.kind === "numbers") return { ...layer, values: take(4 * n, part => new Float32Array(part)) };
  return { ...layer, values: take(3 * n, part => new Uint8Array(part)) };
});
/** Classes that are hidden, one set a palette. */
const hidden = header.palettes.map(() => new Set());

function scaleColour(share) {
  const stops = header.scale, place = Math.min(Math.max(share || 0, 0), 1) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2), part = place - below;
  return stops[below].map((low, channel) => low + (stops[below + 1][channel] - low) * part);
}

/** RGBA of every point in a layer; hidden points have alpha 0. */
function coloursOf(layer) {
  const colours = new Uint8Array(header.points * 4);
  const table = layer.kind === "classes"
    ? header.palettes[layer.palette].map(entry => entry.colour)
    : Array.from({ length: 256 }, (_, step) => scaleColour(step / 255));
  const [low, high] = layer.span, width = Math.max(high - low, 1e-30);
  // A layer without classes hides what the first layer with classes hides.
  const filter = layer.kind === "classes" ? layer : layers.find(other => other.kind === "classes");
  for (let point = 0; point < header.points; point++) {
    let colour;
    if (layer.kind === "classes") colour = table[layer.values[point]];
    else if (layer.kind === "numbers") colour = table[Math.round(Math.min(Math.max((layer.values[point] - low) / width, 0), 1) * 255)];
    else colour = [layer.values[3 * point], layer.values[3 * point + 1], layer.values[3 * point + 2]];
    colours.set(colour, 4 * point);
    colours[4 * point + 3] = filter && hidden[filter.palette].has(filter.values[point]) ? 0 : 255;
  }
  return colours;
}

// ---- camera

const home = { target: header.camera.target.map((x, axis) => x - header.centre[axis]), distance: header.camera.distance,
  azimuth: header.camera.azimuth_degrees * Math.PI / 180, elevation: header.camera.elevation_degrees * Math.PI / 180 };
const camera = structuredClone(home);
const halfView = Math.tan(header.field_of_view * Math.PI / 360);
/** A narrow view is opened upwards, so that it shows as much from left to right. */
const opened = aspect => halfView * Math.max(1, header.least_aspect / aspect);

function axes() {
  const { azimuth: a, elevation: e } = camera;
  const back = [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)];
  const right = [-Math.sin(a), Math.cos(a), 0];
  const up = [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)];
  const eye = back.map((x, axis) => camera.target[axis] + x * camera.distance);
  return { back, right, up, eye };
}
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const planes = () => [camera.distance * 1e-3, camera.distance * 100];

/** World to clip space, column by column. */
function matrix(aspect) {
  const { back, right, up, eye } = axes(), [near, far] = planes();
  const sx = 1 / (opened(aspect) * aspect), sy = 1 / opened(aspect);
  const a = (far + near) / (near - far), b = 2 * far * near / (near - far);
  const rows = [[...right.map(x => x * sx), -dot(right, eye) * sx], [...up.map(x => x * sy), -dot(up, eye) * sy],
    [...back.map(x => x * a), -dot(back, eye) * a + b], [...back.map(x => -x), dot(back, eye)]];
  return new Float32Array([0, 1, 2, 3].flatMap(column => rows.map(row => row[column])));
}

// ---- drawing

const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
if (!gl) fail("This browser has no WebGL 2, which the view needs. `rarefy view --png FILE` draws a picture instead.");

function program(vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, "#version 300 es\nprecision highp float;\n" + text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

function buffer(data, usage) {
  const made = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, made);
  gl.bufferData(gl.ARRAY_BUFFER, data, usage);
  return made;
}

const points = gl && program(`
  layout(location = 0) in vec3 position; layout(location = 1) in vec4 colour;
  uniform mat4 view; uniform float size; out vec3 tone;
  void main() {
    gl_Position = colour.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : view * vec4(position, 1.0);
    gl_PointSize = clamp(size / gl_Position.w, 1.5, 48.0);
    tone = colour.rgb;
  }`, `
  in vec3 tone; out vec4 pixel;
  void main() { vec2 at = gl_PointCoord * 2.0 - 1.0; if (dot(at, at) > 1.0) discard; pixel = vec4(tone, 1.0); }`);
const shade = gl && program(`
  out vec2 at; void main() { at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0; gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0); }`, `
  in vec2 at; out vec4 pixel; uniform sampler2D colours, depths; uniform vec2 step_, planes; uniform vec3 paper;
  float far(vec2 where) { float z = texture(depths, where).r * 2.0 - 1.0; return 2.0 * planes.x * planes.y / (planes.y + planes.x - z * (planes.y - planes.x)); }
  void main() {
    if (texture(depths, at).r == 1.0) { pixel = vec4(paper, 1.0); return; }
    float here = far(at);
    vec2 x = vec2(step_.x, 0.0), y = vec2(0.0, step_.y);
    float times = max(1.0, here / far(at - x)) * max(1.0, here / far(at + x)) * max(1.0, here / far(at - y)) * max(1.0, here / far(at + y));
    // exp(-9 / 4 log2 times)
    pixel = vec4(texture(colours, at).rgb * pow(times, -3.246), 1.0);
  }`);
const uniform = (owner, name) => gl.getUniformLocation(owner, name);
const places = gl && { view: uniform(points, "view"), size: uniform(points, "size"), colours: uniform(shade, "colours"),
  depths: uniform(shade, "depths"), step: uniform(shade, "step_"), planes: uniform(shade, "planes"), paper: uniform(shade, "paper") };
const positionBuffer = gl && buffer(positions, gl.STATIC_DRAW);
const paper = [16 / 255, 20 / 255, 28 / 255];

/** One half of the stage: its layer and the buffers of its colours. */
const halves = [0, 1].map(half => {
  const layer = header.shown[half] ?? header.shown[0];
  if (!gl) return { layer };
  const colours = gl.createBuffer(), array = gl.createVertexArray();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, positionBuffer);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  gl.bindBuffer(gl.ARRAY_BUFFER, colours);
  gl.enableVertexAttribArray(1);
  gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
  gl.bindVertexArray(null);
  return { layer, colours, array, stale: true, step: 1 };
});
let split = header.shown.length > 1;
const shownHalves = () => split ? halves : halves.slice(0, 1);

let target = null;
/** A texture for colours and one for depths, as large as a half. */
function renderTarget(width, height) {
  if (target && target.width === width && target.height === height) return target;
  if (target) { gl.deleteTexture(target.colours); gl.deleteTexture(target.depths); gl.deleteFramebuffer(target.frame); }
  const texture = format => {
    const made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.NEAREST], [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, key, value);
    return made;
  };
  const colours = texture(gl.RGBA8), depths = texture(gl.DEPTH_COMPONENT24), frame = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, colours, 0);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, depths, 0);
  target = { width, height, colours, depths, frame };
  return target;
}

// While the camera moves, a slow machine draws fewer pixels and points; at rest it draws all.
const details = [{ pixels: 1, step: 1 }, { pixels: 0.5, step: 1 }, { pixels: 0.5, step: 3 }, { pixels: 0.34, step: 6 }];
let level = 0, moving = false, rest = 0, took = 30;
/** The camera has moved: draws soon, and once more when it has come to rest. */
function moved() {
  moving = true;
  clearTimeout(rest);
  rest = setTimeout(() => { moving = false; ask(); }, Math.max(160, 3 * took));
  ask();
}
/** Waits for the frame that began then, and chooses the detail of the next by its time. */
function pace(began) {
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  took = performance.now() - began;
  if (took > 50) level = Math.min(Math.floor(level) + 1, details.length - 1);
  else if (took < 12) level = Math.max(level - 0.1, 0);
}

function useEvery(half, step) {
  if (half.step === step) return;
  half.step = step;
  gl.bindVertexArray(half.array);
  gl.bindBuffer(gl.ARRAY_BUFFER, positionBuffer);
  gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 12 * step, 0);
  gl.bindBuffer(gl.ARRAY_BUFFER, half.colours);
  gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 4 * step, 0);
}

function drawHalf(half, x, width, height, detail) {
  if (half.stale) {
    gl.bindBuffer(gl.ARRAY_BUFFER, half.colours);
    gl.bufferData(gl.ARRAY_BUFFER, coloursOf(layers[half.layer]), gl.DYNAMIC_DRAW);
    half.stale = false;
  }
  useEvery(half, detail.step);
  const into = renderTarget(width, height), ratio = devicePixelRatio * detail.pixels, diameter = 3 * byId("size").value * ratio;
  gl.bindFramebuffer(gl.FRAMEBUFFER, into.frame);
  gl.viewport(0, 0, width, height);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(...paper, 1);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.useProgram(points);
  gl.uniformMatrix4fv(places.view, false, matrix(width / height));
  gl.uniform1f(places.size, diameter * home.distance);
  gl.bindVertexArray(half.array);
  gl.drawArrays(gl.POINTS, 0, Math.ceil(header.points / detail.step));
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.viewport(x, 0, width, height);
  gl.disable(gl.DEPTH_TEST);
  gl.useProgram(shade);
  gl.activeTexture(gl.TEXTURE0); gl.bindTexture(gl.TEXTURE_2D, into.colours);
  gl.activeTexture(gl.TEXTURE1); gl.bindTexture(gl.TEXTURE_2D, into.depths);
  gl.uniform1i(places.colours, 0); gl.uniform1i(places.depths, 1);
  gl.uniform2f(places.step, 2 * ratio / width, 2 * ratio / height);
  gl.uniform2f(places.planes, ...planes());
  gl.uniform3f(places.paper, ...paper);
  gl.bindVertexArray(null);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

let asked = false;
function ask() { if (!asked && gl) { asked = true; requestAnimationFrame(draw); } }
function draw() {
  asked = false;
  const began = performance.now();
  drawAt(details[moving ? Math.floor(level) : 0]);
  if (moving) pace(began);
}
function drawAt(detail) {
  const ratio = devicePixelRatio * detail.pixels, width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const shown = shownHalves(), each = Math.floor(width / shown.length);
  shown.forEach((half, number) => drawHalf(half, number * each, each, height, detail));
  page.dataset.state = page.dataset.state === "failed" ? "failed" : "drawn";
}

// ---- panel

const count = value => value.toLocaleString("en");
/** The legend of layers that share their classes, or of one other layer. */
function legendOf(layers) {
  const made = document.createElement("div"), title = document.createElement("h2"), [layer] = layers;
  title.append(layers.map(layer => layer.name).join(" · "));
  made.append(title);
  if (layer.kind === "numbers") {
    const bar = document.createElement("div"), ends = document.createElement("div");
    bar.className = "scale";
    bar.style.background = `linear-gradient(90deg, ${header.scale.map(colour => `rgb(${colour})`).join(",")})`;
    ends.className = "ends";
    ends.append(...layer.span.map(end => Object.assign(document.createElement("span"), { textContent: Number(end.toPrecision(4)) })));
    made.append(bar, ends);
  } else if (layer.kind === "classes") made.append(...classRows(layers, title));
  return made;
}

function countsOf(layer) {
  if (!layer.counts) {
    layer.counts = new Array(header.palettes[layer.palette].length).fill(0);
    for (const value of layer.values) layer.counts[value]++;
  }
  return layer.counts;
}

function classRows(layers, title) {
  const number = layers[0].palette, palette = header.palettes[number], off = hidden[number], counts = layers.map(countsOf);
  const all = palette.map((_, place) => counts.reduce((sum, of) => sum + of[place], 0));
  const present = palette.map((_, place) => place).filter(place => all[place]).sort((a, b) => all[b] - all[a]);
  const tools = document.createElement("span");
  const tool = (name, change) => {
    const link = Object.assign(document.createElement("a"), { textContent: name });
    link.onclick = () => { change(); refilter(); };
    tools.append(link);
  };
  tool("all", () => off.clear());
  tool("none", () => present.forEach(place => off.add(place)));
  title.append(tools);
  const share = points => points * 1000 >= header.points ? `${(100 * points / header.points).toFixed(1)} %` : count(points);
  return present.map(place => {
    const row = document.createElement("label"), box = document.createElement("input"), swatch = document.createElement("i");
    row.className = "class";
    row.title = `${layers.map((layer, which) => `${layer.name}: ${count(counts[which][place])} points`).join("\n")}\ndouble click: this class alone`;
    box.type = "checkbox";
    box.checked = !off.has(place);
    box.onchange = () => { box.checked ? off.delete(place) : off.add(place); refilter(); };
    row.ondblclick = () => { present.forEach(other => off.add(other)); off.delete(place); refilter(); };
    swatch.style.background = `rgb(${palette[place].colour})`;
    const figures = counts.map(of => Object.assign(document.createElement("small"), { textContent: share(of[place]) }));
    row.append(box, swatch, Object.assign(document.createElement("b"), { textContent: palette[place].name }), ...figures);
    return row;
  });
}

function refilter() { halves.forEach(half => { half.stale = true; }); fillPanel(); ask(); }

function fillPanel() {
  const shown = shownHalves().map(half => layers[half.layer]), groups = new Map();
  for (const layer of shown) {
    const key = layer.kind === "classes" ? `palette ${layer.palette}` : layer.name;
    if (!groups.get(key)?.includes(layer)) groups.set(key, [...(groups.get(key) ?? []), layer]);
  }
  byId("legend").replaceChildren(...[...groups.values()].map(legendOf));
  byId("right").disabled = !split;
  byId("names").replaceChildren(...shown.map((layer, number) => {
    const name = Object.assign(document.createElement("span"), { textContent: layer.name });
    name.style.left = `calc(${100 * number / shown.length}% + 14px)`;
    return name;
  }));
}

byId("title").textContent = header.title;
byId("facts").textContent = `${count(header.points)} points`;
for (const [number, id] of ["left", "right"].entries()) {
  byId(id).append(...layers.map((layer, place) => new Option(layer.name, place)));
  byId(id).value = halves[number].layer;
  byId(id).onchange = event => { halves[number].layer = Number(event.target.value); halves[number].stale = true; fillPanel(); ask(); };
}
byId("split").checked = split;
byId("split").onchange = event => { split = event.target.checked; fillPanel(); ask(); };
byId("size").oninput = ask;

// ---- hand

const actions = {
  home: () => Object.assign(camera, structuredClone(home)),
  top: () => Object.assign(camera, { azimuth: -Math.PI / 2, elevation: Math.PI / 2 - 1e-3 }),
  save: () => { const link = document.createElement("a"); drawAt(details[0]); link.href = canvas.toDataURL("image/png"); link.download = `${header.title}.png`; link.click(); },
};
for (const [id, action] of Object.entries(actions)) byId(id).onclick = () => { action(); ask(); };
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
  const action = { r: actions.home, t: actions.top, s: actions.save, ArrowLeft: () => go(-1), ArrowRight: () => go(1) }[event.key];
  if (action) { action(); ask(); }
});

// ---- a series of clouds: the next page begins as this one ends

const VIEW = "rarefy view";
const series = header.series;
function go(step) {
  const number = series && series.number + step;
  if (!series || number < 1 || number > series.count) return;
  const target = camera.target.map((x, axis) => x + header.centre[axis]);
  const off = hidden.map((set, palette) => [...set].map(number => header.palettes[palette][number].name));
  const names = halves.map(half => layers[half.layer].name);
  try { sessionStorage.setItem(VIEW, JSON.stringify({ ...camera, target, names, split, size: byId("size").value, off })); } catch { /* a page without storage begins anew */ }
  location.href = String(number);
}
function takeOver() {
  let last = null;
  try { last = JSON.parse(sessionStorage.getItem(VIEW)); } catch { /* the same */ }
  if (!last) return;
  Object.assign(camera, { azimuth: last.azimuth, elevation: last.elevation, distance: last.distance,
    target: last.target.map((x, axis) => x - header.centre[axis]) });
  last.names.forEach((name, number) => {
    const place = layers.findIndex(layer => layer.name === name);
    if (place >= 0) { halves[number].layer = place; byId(number ? "right" : "left").value = place; }
  });
  split = last.split;
  byId("split").checked = split;
  byId("size").value = last.size;
  hidden.forEach((set, palette) => header.palettes[palette].forEach((entry, number) => { if (last.off[palette]?.includes(entry.name)) set.add(number); }));
}
if (series) {
  byId("series").hidden = false;
  byId("place").textContent = `${series.number} of ${series.count}`;
  byId("previous").disabled = series.number === 1;
  byId("next").disabled = series.number === series.count;
  byId("previous").onclick = () => go(-1);
  byId("next").onclick = () => go(1);
  takeOver();
}

const fingers = new Map();
canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); byId("tip").hidden = true; });
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => fingers.delete(event.pointerId));
canvas.addEventListener("contextmenu", event => event.preventDefault());
canvas.addEventListener("pointermove", event => {
  const before = fingers.get(event.pointerId);
  if (!before) return hover(event);
  const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
  if (fingers.size === 2) {
    const other = [...fingers.values()].find(finger => finger.pointerId !== event.pointerId);
    const apart = finger => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
    camera.distance *= apart(before) / Math.max(apart(event), 1);
  }
  if (fingers.size === 2 || before.buttons & 6 || event.shiftKey) move(dx, dy);
  else {
    camera.azimuth -= dx * 0.006;
    camera.elevation = Math.min(Math.max(camera.elevation + dy * 0.006, -1.569), 1.569);
  }
  fingers.set(event.pointerId, event);
  moved();
});
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  camera.distance = Math.min(Math.max(camera.distance * Math.exp(event.deltaY * 0.0012), home.distance * 1e-3), home.distance * 20);
  moved();
}, { passive: false });
canvas.addEventListener("dblclick", event => { const hit = nearest(event); if (hit) { camera.target = hit.position; camera.distance *= 0.5; ask(); } });
canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });

function move(dx, dy) {
  const { right, up } = axes(), aspect = canvas.clientWidth / shownHalves().length / canvas.clientHeight;
  const step = 2 * opened(aspect) * camera.distance / canvas.clientHeight;
  camera.target = camera.target.map((x, axis) => x - (right[axis] * dx - up[axis] * dy) * step);
}

/** The nearest point to the eye within a few pixels of the pointer. */
function nearest(event) {
  const box = canvas.getBoundingClientRect(), width = box.width / shownHalves().length, number = Math.min(Math.floor((event.clientX - box.left) / width), shownHalves().length - 1);
  const x = event.clientX - box.left - number * width, y = event.clientY - box.top, view = matrix(width / box.height);
  const layer = layers[halves[number].layer], filter = layer.kind === "classes" ? layer : layers.find(other => other.kind === "classes");
  let best = null;
  for (let point = 0; point < header.points; point++) {
    const [px, py, pz] = [positions[3 * point], positions[3 * point + 1], positions[3 * point + 2]];
    const w = view[3] * px + view[7] * py + view[11] * pz + view[15];
    if (w <= 0 || (best && w > best.w)) continue;
    const sx = ((view[0] * px + view[4] * py + view[8] * pz + view[12]) / w + 1) / 2 * width;
    const sy = (1 - (view[1] * px + view[5] * py + view[9] * pz + view[13]) / w) / 2 * box.height;
    if (Math.abs(sx - x) > 4 || Math.abs(sy - y) > 4) continue;
    if (filter && hidden[filter.palette].has(filter.values[point])) continue;
    best = { w, point, position: [px, py, pz] };
  }
  return best;
}

let hovering = null;
function hover(event) {
  hovering = event;
  requestAnimationFrame(() => {
    if (hovering !== event) return;
    const hit = nearest(event), tip = byId("tip");
    tip.hidden = !hit;
    if (!hit) return;
    const lines = layers.map(layer => {
      const value = layer.kind === "classes" ? header.palettes[layer.palette][layer.values[hit.point]].name
        : layer.kind === "numbers" ? Number(layer.values[hit.point].toPrecision(4))
        : Array.from(layer.values.subarray(3 * hit.point, 3 * hit.point + 3)).join(" ");
      return `${layer.name}: ${value}`;
    });
    const [x, y, z] = hit.position.map((value, axis) => (value + header.centre[axis] + header.origin[axis]).toFixed(2));
    tip.textContent = [`point ${count(hit.point)}   (${x}, ${y}, ${z})`, ...lines].join("\n");
    const box = canvas.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX - box.left + 16, box.width - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(event.clientY - box.top + 16, box.height - tip.offsetHeight - 8)}px`;
  });
}

/** Milliseconds for a frame at a level of detail, the mean of `frames` that turn the camera; a test asks for it. */
function frameTime(frames, level = 0) {
  const began = performance.now(), pixel = new Uint8Array(4);
  for (let frame = 0; frame < frames; frame++) {
    camera.azimuth += 0.01;
    drawAt(details[level]);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  }
  return (performance.now() - began) / frames;
}

new ResizeObserver(ask).observe(canvas);
fillPanel();
ask();
