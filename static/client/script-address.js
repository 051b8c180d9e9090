// @ts-check
// Addresses of workers' scripts, for browsers that let pages run none but those of a policy with a name (Trusted
// Types): Parley's is called "parley", and knows scripts of Parley's own origin alone.

const { origin } = new URL('./', import.meta.url);

/** @type {{ createScriptURL(address: string): any } | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('parley', {
  /** @param {string} address */
  createScriptURL(address) {
    if (new URL(address).origin === origin) return address;
    throw new TypeError(`${address} is no script of Parley's.`);
  },
});

/** A script's address as the browser takes it. @param {URL} url */
export function scriptAddress(url) {
  return /** @type {URL} */ (policy?.createScriptURL(url.href) ?? url);
}
