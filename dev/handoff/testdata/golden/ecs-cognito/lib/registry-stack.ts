import * as cdk from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';

import { Config } from './config';

/** Where the images are. It is a stack of its own because the app needs an image to start. */
export class RegistryStack extends cdk.Stack {
  constructor(scope: Construct, id: string, config: Config, props: cdk.StackProps) {
    super(scope, id, props);

    const repository = new ecr.Repository(this, 'Repository', {
      repositoryName: config.name,
      imageTagMutability: ecr.TagMutability.IMMUTABLE,
      imageScanOnPush: true,
      encryption: ecr.RepositoryEncryption.KMS,
      lifecycleRules: [{ description: 'the last 50 images', maxImageCount: 50 }],
      removalPolicy: cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    new cdk.CfnOutput(this, 'RepositoryUri', { value: repository.repositoryUri });
  }
}
