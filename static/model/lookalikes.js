// @ts-check
// Which of the names that are known here look alike, so that nobody passes for
// another by a letter of another script, or by the very same name.

/** How much of a name counts, in UTF-16 units: more than servers take. To normalise marks may take quadratic time. */
const longest = 256;

export class Lookalikes {
  /** Who has a name that looks like this; 0n is a service. @type {Map<string, Set<bigint>>} */
  #owners = new Map();
  /** @type {Map<bigint, string[]>} */
  #looks = new Map();
  /** What each character looks like; null until the table is here. @type {Map<string, string> | null} */
  #table = null;
  /** Names that came before the table. @type {Map<bigint, string>} */
  #early = new Map();
  #loading = false;
  #changed = false;
  #services;
  #onchange;

  /** @param {import('./services.js').Services} services @param {() => void} onchange Called, soon after, when a name has a lookalike that had none. */
  constructor(services, onchange) {
    this.#services = services;
    services.addEventListener('change', () => this.#addServices());
    this.#onchange = onchange;
  }

  /** Loads the table, which can wait until what there is to read is on the screen. */
  #loadSoon() {
    if (this.#loading) return;
    this.#loading = true;
    if ('requestIdleCallback' in globalThis) requestIdleCallback(() => this.#load(), { timeout: 1000 });
    else setTimeout(() => this.#load(), 500);
  }

  async #load() {
    let rows = '';
    try {
      rows = (await import('../vendor/confusables.js')).confusables;
    } catch {
      // Offline, or an old page whose file is gone: names that are the same are still told apart.
    }
    this.#table = new Map();
    for (const row of rows.split('\n')) {
      const [look, letters = ''] = row.split(' ');
      for (const letter of letters) this.#table.set(letter, look);
    }
    this.#addServices();
    for (const [id, name] of this.#early) this.#add(id, name);
    this.#early.clear();
  }

  /** Those that are no more stay taken until the page is loaded again. */
  #addServices() {
    if (this.#table) for (const { number } of this.#services.all) this.#add(0n, this.#services.name(number));
  }

  /** @param {bigint} id @param {string} name */
  set(id, name) {
    if (!this.#table) {
      this.#early.set(id, name);
      if (this.#early.size > 1) this.#loadSoon(); // one alone, who just came, passes for nobody
      return;
    }
    for (const look of this.#looks.get(id) ?? []) this.#owners.get(look)?.delete(id);
    this.#looks.delete(id);
    this.#add(id, name);
  }

  /** Whether another's name looks like that of id. @param {bigint} id */
  has(id) {
    return (this.#looks.get(id) ?? []).some(look => (this.#owners.get(look)?.size ?? 0) > 1);
  }

  /** @param {bigint} id @param {string} name */
  #add(id, name) {
    const looks = this.#looksOf(name);
    this.#looks.set(id, [...(this.#looks.get(id) ?? []), ...looks]);
    for (const look of looks) {
      const owners = this.#owners.get(look) ?? new Set();
      this.#owners.set(look, owners.add(id));
      if (owners.size > 1) this.#change();
    }
  }

  /**
   * As the server does for names of its own (UTS 39, section 4): one look with
   * case ignored before, one after, in which a capital i passes for an l.
   * @param {string} name
   */
  #looksOf(name) {
    const plain = name.slice(0, longest).normalize('NFKC');
    const looks = [plain.toLowerCase(), plain].map(form => [...form.normalize('NFD')]
      .map(letter => this.#table?.get(letter) ?? letter).join('')
      .normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}]/gu, ''));
    return new Set(looks.map((look, i) => `${i} ${look || plain}`));
  }

  #change() {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      this.#onchange();
    });
  }
}
