// The pages that are loaded when they are first shown: the first screen does not pay for them. One that is not part of a
// build is absent here, and then the frame does not offer it.

import type { Component } from 'svelte';

export type Loader<P extends Record<string, unknown>> = () => Promise<{ default: Component<P> }>;

const files = import.meta.glob('../../pages/{History,Compare,Notifications}.svelte');

export const pages = {
  history: files['../../pages/History.svelte'] as Loader<Record<string, never>> | undefined,
  notifications: files['../../pages/Notifications.svelte'] as Loader<Record<string, never>> | undefined,
  compare: files['../../pages/Compare.svelte'] as Loader<{ a: string; b: string }> | undefined,
};
