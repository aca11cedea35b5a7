// The shop, with flags over OFREP.
//
// OFREP_ENDPOINT is the server; FLAG_SELECTOR whose flags, and where; TOKEN_FILE a token, where one is needed.
'use strict';

const fs = require('node:fs');
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const { ExposureHook } = require('./exposures.js');

const endpoint = process.env.OFREP_ENDPOINT;
const selector = { 'Flagd-Selector': process.env.FLAG_SELECTOR ?? 'flagSetId=shop/production' };

// Asked for with every request: the kubelet renews the token.
function headers() {
  const file = process.env.TOKEN_FILE;
  const token = file ? { Authorization: `Bearer ${fs.readFileSync(file, 'utf8').trim()}` } : {};
  return { ...selector, ...token };
}

const people = [
  { targetingKey: 'ada', country: 'GB', application: { version: '2.3.0' } },
  { targetingKey: 'eve', country: 'US', application: { version: '1.9.5' } },
  { targetingKey: 'olof', country: 'SE', email: 'olof@shop.example', application: { version: '2.1.0' } },
  ...[1, 2, 3, 4, 5, 6, 7].map((number) => ({ targetingKey: `customer-${number}`, country: 'DE' })),
];

async function main() {
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: endpoint, headersFactory: () => Object.entries(headers()) }));
  const exposures = new ExposureHook(endpoint, headers);
  OpenFeature.addHooks(exposures);
  const client = OpenFeature.getClient();
  for (const person of people) {
    const page = {
      person: person.targetingKey,
      newCheckout: await client.getBooleanValue('new-checkout', false, person),
      banner: await client.getStringValue('banner', '', person),
      ranking: await client.getStringValue('ranking', 'popular', person),
      pageSize: await client.getNumberValue('page-size', 10, person),
      layout: await client.getObjectValue('layout', { columns: 1 }, person),
      payLater: await client.getBooleanValue('pay-later', false, person),
    };
    console.log(JSON.stringify(page));
  }
  await exposures.close();
  await OpenFeature.close();
}

main();
