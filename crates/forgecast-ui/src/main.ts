// Starts the dashboard.

import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { live } from './lib/live/live.svelte';
import { login } from './lib/login/login.svelte';
import { needs } from './lib/sessions/needs.svelte';
import { notifier } from './lib/notifications/notifier.svelte';
import { router } from './lib/navigation/router.svelte';
import { theme } from './lib/browser/theme.svelte';

// Named here and not in the page, so that it is found from `/session/<id>` as well and starts at the overview.
const manifest = document.createElement('link');
manifest.rel = 'manifest';
manifest.href = `${live.base}manifest.webmanifest`;
document.head.append(manifest);

router.start();
notifier.start(live.base);
needs.start();
theme.start();
// First who looks on: a token in the address is gone from it before anything is shown, and nobody asks for what it opens
// before it did.
void login.start().then(() => mount(App, { target: document.body }));
