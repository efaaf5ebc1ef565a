// One program for the page and for the workers that it starts from its own text.

import { startPage } from "./ui.js";
import { startWorker } from "./worker.js";

if (typeof document === "undefined") startWorker();
else startPage();
