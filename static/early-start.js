// @ts-check
// Begins the engine's worker before the page's modules are there, for whoever is signed in.
import { storedIdentity } from './model/identity.js';
import { prepare } from './parley.js';

if (storedIdentity()) prepare();
