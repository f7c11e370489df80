export { default } from '../crates/forgecast-ui/prettier.config.js';
