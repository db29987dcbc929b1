// What every page of the console loads. Pages are whole without it; it makes them live and quick.
import "htmx.org/dist/htmx.esm.js";
import "htmx.org/dist/ext/hx-sse.js";
import "./js/requests.js";
import "./js/copy.js";
import "./js/times.js";
import "./js/toasts.js";
import "./js/dialogs.js";
import "./js/menus.js";
import "./js/find.js";
import "./js/themes.js";
import "./js/live.js";
import "./js/forms.js";
import "./js/newcomers.js";
import "./js/marks.js";
import "./js/drop.js";
