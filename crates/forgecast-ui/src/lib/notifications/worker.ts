// Notifications by a service worker: the only ones that phones show. It needs a page that came over a trusted connection.

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): unknown };
}

/** Rejects where there are no workers, or the worker may not show anything. */
export async function showByWorker(script: string, title: string, options: NotificationOptions): Promise<void> {
  worker ??= register(script);
  await worker;
  const ready = await navigator.serviceWorker.ready;
  await ready.showNotification(title, options);
}

let worker: Promise<ServiceWorkerRegistration> | undefined;

/** Once a page: a policy has its name for itself. */
function register(script: string): Promise<ServiceWorkerRegistration> {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  const policy = types?.createPolicy('forgecast-worker', { createScriptURL: (url) => url });
  return navigator.serviceWorker.register((policy?.createScriptURL(script) ?? script) as string);
}
