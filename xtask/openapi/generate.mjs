// Prints what is made of the API's description, the file that is named: `types` for the dashboard, the `page`
// that a server shows at /docs, the `document` that stands in docs/.
import { readFileSync } from 'node:fs';
import { Api } from './api.mjs';
import { markdown } from './markdown.mjs';
import { page } from './page.mjs';
import { types } from './types.mjs';

const MAKERS = { types, page, document: markdown };
const maker = MAKERS[process.argv[2]];
if (!maker) throw new Error(`say which: ${Object.keys(MAKERS).join(', ')}`);
process.stdout.write(await maker(new Api(JSON.parse(readFileSync(process.argv[3], 'utf8')))));
