// @ts-check
// The page's entry: registers the elements that index.html names. All chat
// logic is behind ./parley.js; the page paints what it says and forwards what
// the person does.
import { mark } from './client/marks.js';
import { ParleyApp } from './components/parley-app.js';
import { nameLanguage } from './texts/languages.js';

mark('page loaded');
nameLanguage();
customElements.define('parley-app', ParleyApp);
