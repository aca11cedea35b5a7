// flagd's Node provider, as an application uses it: one JSON object a line in, one a line out.
// NODE_PATH names the packages; nothing here is ours.
const { createInterface } = require("node:readline");
const { OpenFeature, ProviderEvents } = require("@openfeature/server-sdk");
const { FlagdProvider } = require("@openfeature/flagd-provider");

const events = [];
let heard = () => {};

async function begin({ port, selector, resolver }) {
  const provider = new FlagdProvider({
    host: "127.0.0.1",
    port,
    selector,
    resolverType: resolver,
    deadlineMs: 20000,
    retryBackoffMs: 100,
    retryBackoffMaxMs: 200,
  });
  await OpenFeature.setProviderAndWait(provider);
  for (const event of Object.values(ProviderEvents)) {
    OpenFeature.addHandler(event, () => {
      events.push(event);
      heard();
    });
  }
  return { ready: true };
}

const METHODS = {
  boolean: "getBooleanDetails",
  string: "getStringDetails",
  integer: "getNumberDetails",
  float: "getNumberDetails",
  object: "getObjectDetails",
};

async function evaluate({ type, flag, default: fallback, context }) {
  const told = await OpenFeature.getClient()[METHODS[type]](flag, fallback, context ?? {});
  const { value, variant, reason, errorCode, flagMetadata } = told;
  return { value, variant: variant ?? null, reason, error: errorCode ?? null, metadata: flagMetadata ?? {} };
}

async function variants({ flag, units }) {
  const client = OpenFeature.getClient();
  const told = [];
  for (let number = 0; number < units; number += 1) {
    told.push((await client.getStringDetails(flag, "none", { targetingKey: `user-${number}` })).variant ?? null);
  }
  return { variants: told };
}

async function wait({ event }) {
  const deadline = Date.now() + 30000;
  while (!events.includes(event) && Date.now() < deadline) {
    await new Promise((resolve) => {
      heard = resolve;
      setTimeout(resolve, 200).unref?.();
    });
  }
  const told = events.splice(0);
  return { came: told.includes(event), events: told };
}

const COMMANDS = { begin, evaluate, variants, wait };

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await COMMANDS[asked.do](asked))}\n`);
  }
  await OpenFeature.close();
  process.exit(0);
}

main();
