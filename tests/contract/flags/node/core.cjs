// flagd's core for Node, fed lines of JSON; see ../core.py, whose protocol this is.
const { FlagdCore } = require('@openfeature/flagd-core');
const readline = require('node:readline');

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
let refused = '';
const schema = {
  ...quiet,
  debug(message) {
    // What does not fit the published schema is only told to the log.
    if (String(message).startsWith('invalid flagd flag configuration')) refused = String(message).slice(0, 2000);
  },
};
const resolvers = {
  boolean: ['resolveBooleanEvaluation', false],
  string: ['resolveStringEvaluation', ''],
  float: ['resolveNumberEvaluation', 0],
  object: ['resolveObjectEvaluation', {}],
};

let now = 0;
Date.now = () => now * 1000;

function ask(core, key, kind, context) {
  const [method, fallback] = resolvers[kind];
  try {
    const told = core[method](key, fallback, context, quiet);
    return [told.variant ?? null, told.value ?? null, told.errorCode ? `${told.errorCode}: ${told.errorMessage}` : null];
  } catch (error) {
    return [null, null, String(error?.message ?? error)];
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const question = JSON.parse(line);
  const core = new FlagdCore(undefined, schema);
  core.setConfigurations(JSON.stringify(question.flags));
  if (refused) throw new Error(refused);
  const answers = question.ask.map(([key, kind, context, at]) => {
    now = at;
    return ask(core, key, kind, context);
  });
  console.log(JSON.stringify(answers));
});
