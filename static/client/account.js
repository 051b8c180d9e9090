// @ts-check
// What the server's HTTP API offers somebody for their own account.
import { idOf, request } from './http.js';

/** @typedef {import('../parley.d.ts').Device} Device */

/** @param {string} server its address @param {string} token @param {string} name */
export async function rename(server, token, name) {
  await request(server, '/api/me', { method: 'PATCH', token, body: { name } });
}

/**
 * Where the user is signed in, when the recovery code was made, 0 if there is none, and whether the server mints tokens.
 * @param {string} server @param {string} token
 * @returns {Promise<{ devices: Device[], recoveryMade: number, mints: boolean }>}
 */
export async function listDevices(server, token) {
  const answer = await request(server, '/api/devices', { token });
  return {
    devices: answer.devices.map((/** @type {any} */ device) => ({
      id: idOf(device.device_id), label: String(device.label), created: Number(device.created), seen: Number(device.last_seen),
      online: device.online === true, current: device.this === true,
    })),
    recoveryMade: Number(answer.recovery_code_made),
    mints: answer.mints !== false,
  };
}

/** @param {string} server @param {string} token @param {bigint} id */
export async function endDevice(server, token, id) {
  await request(server, `/api/devices/${id}`, { method: 'DELETE', token });
}

/** @param {string} server @param {string} token @param {boolean} others not the one that asks */
export async function endDevices(server, token, others) {
  await request(server, `/api/devices?others=${others}`, { method: 'DELETE', token });
}

/**
 * A code that signs the user in, once.
 * @param {string} server @param {string} token @param {'link' | 'recovery'} kind
 * @returns {Promise<{ code: string, expires: number }>} expires in Unix milliseconds by the server's clock; 0: never
 */
export async function makeCode(server, token, kind) {
  const { code, expires } = await request(server, `/api/${kind}-codes`, { method: 'POST', token });
  return { code: String(code), expires: Number(expires) };
}
