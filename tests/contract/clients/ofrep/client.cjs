// OpenFeature's OFREP providers for Node and for browsers, as an application uses them: one JSON object a line in, one
// a line out. The browser's has an EventSource here, which Node lacks, and counts what its requests were answered.
'use strict';

const readline = require('node:readline');
const kind = process.argv[2];
const answers = [];
const events = [];
let news = () => {};

async function counted(...request) {
  const response = await fetch(...request);
  answers.push(response.status);
  return response;
}

function server() {
  const { OpenFeature } = require('@openfeature/server-sdk');
  const { OFREPProvider } = require('@openfeature/ofrep-provider');
  return {
    sdk: OpenFeature,
    begin: (command) =>
      OpenFeature.setProviderAndWait(
        new OFREPProvider({ baseUrl: command.url, headers: Object.entries(command.headers) }),
      ),
    details: (command) => {
      const resolve = { boolean: 'getBooleanDetails', string: 'getStringDetails', object: 'getObjectDetails' };
      const name = resolve[command.type] ?? 'getNumberDetails';
      return OpenFeature.getClient()[name](command.flag, command.default, command.context ?? {});
    },
  };
}

function web() {
  globalThis.EventSource = require('eventsource').EventSource;
  const { OpenFeature, ProviderEvents } = require('@openfeature/web-sdk');
  const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');
  for (const event of Object.values(ProviderEvents)) {
    OpenFeature.addHandler(event, () => {
      events.push(event);
      news();
    });
  }
  return {
    sdk: OpenFeature,
    begin: async (command) => {
      await OpenFeature.setContext(command.context ?? {});
      const provider = new OFREPWebProvider({
        baseUrl: command.url,
        headers: Object.entries(command.headers),
        cacheMode: 'disabled',
        fetchImplementation: counted,
        changeDetection: command.poll ? 'polling' : 'sse',
        pollInterval: command.poll ?? 0,
      });
      await OpenFeature.setProviderAndWait(provider);
    },
    details: (command) => {
      const resolve = { boolean: 'getBooleanDetails', string: 'getStringDetails', object: 'getObjectDetails' };
      const name = resolve[command.type] ?? 'getNumberDetails';
      return OpenFeature.getClient()[name](command.flag, command.default);
    },
  };
}

const ours = kind === 'web' ? web() : server();

// Until an event of this name came since the last time, or `status` was answered.
function wait(done) {
  return new Promise((resolve) => {
    const look = () => done() && (clearInterval(timer), clearTimeout(end), resolve(true));
    const end = setTimeout(() => (clearInterval(timer), resolve(false)), 30_000);
    const timer = setInterval(look, 10);
    news = look;
  });
}

const commands = {
  begin: async (command) => {
    await ours.begin(command);
    return { ready: true };
  },
  evaluate: async (command) => {
    const told = await ours.details(command);
    return {
      value: told.value,
      variant: told.variant ?? null,
      reason: told.reason,
      error: told.errorCode ?? null,
      message: told.errorMessage ?? null,
      metadata: told.flagMetadata,
    };
  },
  context: async (command) => {
    await ours.sdk.setContext(command.context);
    return { set: true };
  },
  wait: async (command) => {
    const came = await wait(() => events.includes(command.event));
    events.length = 0;
    return { came };
  },
  answered: async (command) => {
    answers.length = 0;
    return { came: await wait(() => answers.includes(command.status)), answers };
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let told;
    try {
      told = await commands[command.do](command);
    } catch (error) {
      told = { failed: String(error?.message ?? error) };
    }
    process.stdout.write(JSON.stringify(told) + '\n');
  }
  process.exit(0);
})();
