// @ts-check
// Which devices the user signed in on since this browser looked last, while it was open or not: told once,
// by the first of its tabs that somebody looks at.

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Device} Device
 * @typedef {{ mark: string, ids: string[] }} Known Settings.devices, and the devices then, in decimal
 */

export class NewDevices {
  #parley;
  #place;
  #tell;

  /** @param {Parley} parley @param {(devices: Device[]) => void} tell @param {AbortSignal} signal that nobody is told any more */
  constructor(parley, tell, signal) {
    this.#parley = parley;
    this.#place = `parley.settings.${parley.user.id}.devices`; // in localStorage
    this.#tell = tell;
    const look = () => this.#look().catch(() => {}); // the next connection looks again
    parley.addEventListener('settings', look, { signal });
    parley.addEventListener('connection', look, { signal });
    document.addEventListener('visibilitychange', look, { signal });
    look();
  }

  async #look() {
    const { chosen, connection } = this.#parley;
    if (document.visibilityState !== 'visible' || connection.state !== 'live' || !chosen?.devices || this.#known()?.mark === String(chosen.devices)) return;
    const compare = () => this.#compare(String(chosen.devices));
    const news = await (navigator.locks ? navigator.locks.request(this.#place, compare) : compare());
    if (news.length) this.#tell(news);
  }

  /** Keeps which devices there are, and returns those that were not known. @param {string} mark @returns {Promise<Device[]>} */
  async #compare(mark) {
    const known = this.#known();
    if (known?.mark === mark) return []; // another tab was first
    const { devices } = await this.#parley.devices();
    localStorage.setItem(this.#place, JSON.stringify({ mark, ids: devices.map(({ id }) => String(id)) }));
    return known ? devices.filter(({ id, current }) => !current && !known.ids.includes(String(id))) : [];
  }

  /** Null in a browser that did not look yet. @returns {Known | null} */
  #known() {
    try {
      const known = JSON.parse(localStorage.getItem(this.#place) ?? 'null');
      return Array.isArray(known?.ids) ? known : null;
    } catch {
      return null;
    }
  }
}
