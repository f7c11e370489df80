// Starts the dashboard.

import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { live } from './lib/live.svelte';
import { notifier } from './lib/notifier.svelte';
import { router } from './lib/router.svelte';
import { theme } from './lib/theme.svelte';

// Named here and not in the page, so that it is found from `/session/<id>` as well and starts at the overview.
const manifest = document.createElement('link');
manifest.rel = 'manifest';
manifest.href = `${live.base}manifest.webmanifest`;
document.head.append(manifest);

router.start();
notifier.start(live.base);
theme.start();
live.start();
mount(App, { target: document.body });
