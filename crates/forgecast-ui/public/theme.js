// Sets the chosen theme before the first paint; the app's own code would come too late and flash.
try {
  var theme = localStorage.getItem('forgecast-theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's preference holds.
}
