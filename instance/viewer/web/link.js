// The connection to the viewer: asks its server where the WebSocket is, connects,
// and begins again whenever it is lost, with a growing, jittered delay.

const FIRST_DELAY = 250; // ms
const LONGEST_DELAY = 8000;
const PATIENCE = 10_000; // a gateway may hold a request while the viewer restarts

export class Link {
  #on;
  #socket = null;
  #failures = 0;
  #wake = () => {};

  // on: { config(c), state(name, detail), message(m) }. state is one of
  // connecting, connected (the scene has arrived) and reconnecting.
  constructor(on) {
    this.#on = on;
    addEventListener('online', () => this.#wake());
    document.addEventListener('visibilitychange', () => document.hidden || this.#wake());
  }

  // send reports false if nobody is there to hear it. Nothing is queued: what was
  // meant for a scene that may have changed is better asked for again.
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  async run() {
    this.#on.state('connecting');
    for (;;) {
      let reason = 'connection lost';
      try {
        const config = await askForConfig();
        this.#on.config(config);
        await this.#session(address(config));
      } catch (fault) {
        reason = fault.message;
      }
      const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++) * (0.6 + 0.4 * Math.random());
      this.#on.state('reconnecting', { delay, reason });
      await this.#pause(delay);
    }
  }

  // session lasts as long as the WebSocket does.
  #session(url) {
    return new Promise((ended) => {
      const socket = (this.#socket = new WebSocket(url));
      const timer = setTimeout(() => socket.close(), PATIENCE);
      socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        this.#on.message(message);
        if (message.type === 'scene_state') {
          clearTimeout(timer);
          this.#failures = 0;
          this.#on.state('connected');
        }
      };
      socket.onclose = () => {
        clearTimeout(timer);
        this.#socket = null;
        ended();
      };
    });
  }

  #pause(delay) {
    return new Promise((go) => {
      const timer = setTimeout(go, delay);
      this.#wake = () => { clearTimeout(timer); go(); };
    });
  }
}

async function askForConfig() {
  const answer = await fetch('config.json', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  return answer.json();
}

// address adds whom we want: should the port belong to another viewer by now, that
// one refuses us. On our own origin a gateway may have put us under a path.
function address(config) {
  const url = new URL(config.ws_url, location.href);
  if (url.host === location.host) url.pathname = new URL('./', document.baseURI).pathname;
  url.searchParams.set('instance', config.instance);
  return url;
}
