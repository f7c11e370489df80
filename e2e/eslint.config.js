export { default } from '../crates/forgecast-ui/eslint.config.js';
