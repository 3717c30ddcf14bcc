import * as cdk from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

import values from '../config.json';
import { AppStack } from '../lib/app-stack';
import { Config } from '../lib/config';
import { RegistryStack } from '../lib/registry-stack';

const config: Config = values;
const app = new cdk.App({ outdir: process.env['CDK_OUTDIR'] ?? 'cdk.out' });
// What these rules find ends the synthesis; exceptions stand, with their reason, where they are made.
cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
cdk.Tags.of(app).add('app', config.name);

const props: cdk.StackProps = {
  env: { account: config.account, region: config.region },
  terminationProtection: true,
};
new RegistryStack(app, `${config.name}-registry`, config, { ...props, description: `Images of ${config.name}` });

const digest: string = app.node.tryGetContext('imageDigest') ?? config.imageDigest;
if (/^sha256:[0-9a-f]{64}$/.test(digest)) {
  new AppStack(app, config.name, config, digest, { ...props, description: `${config.name}, a Streamlit app behind a sign-in` });
} else if (digest === '') {
  console.error('No image yet: only the registry is synthesised. Push one, and add -c imageDigest=sha256:…');
} else {
  throw new Error(`imageDigest is ${JSON.stringify(digest)}, which is no digest: sha256:… as ECR shows it`);
}
app.synth();
