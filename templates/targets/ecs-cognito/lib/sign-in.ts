import * as cdk from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';

import { Config } from './config';

/** The people, their groups, and the page where they sign in. */
export class SignIn extends Construct {
  readonly pool: cognito.UserPool;
  readonly client: cognito.UserPoolClient;
  readonly domain: cognito.UserPoolDomain;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const { threatProtection } = config.cognito;

    this.pool = new cognito.UserPool(this, 'Pool', {
      userPoolName: config.name,
      selfSignUpEnabled: false,
      signInAliases: { username: true, email: true },
      signInCaseSensitive: false,
      standardAttributes: {
        email: { required: true, mutable: true },
        nickname: { required: false, mutable: true },
      },
      autoVerify: { email: true },
      keepOriginal: { email: true }, // until the new address is proven
      accountRecovery: cognito.AccountRecovery.EMAIL_ONLY,
      mfa: config.cognito.mfa === 'required' ? cognito.Mfa.REQUIRED : cognito.Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        passwordHistorySize: 5,
        tempPasswordValidity: cdk.Duration.days(3),
      },
      featurePlan: threatProtection ? cognito.FeaturePlan.PLUS : cognito.FeaturePlan.ESSENTIALS,
      standardThreatProtectionMode: threatProtection ? cognito.StandardThreatProtectionMode.FULL_FUNCTION : undefined,
      deletionProtection: true,
      removalPolicy: cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    if (!threatProtection) {
      const reason = 'The Plus plan is paid by head. Set cognito-threat-protection to on for it.';
      cdk.Validations.of(this.pool).acknowledge({ id: 'AwsSolutions-COG3', reason }, { id: 'AwsSolutions-COG8', reason });
    }
    if (config.cognito.mfa !== 'required') {
      cdk.Validations.of(this.pool).acknowledge({
        id: 'AwsSolutions-COG2',
        reason: 'cognito-mfa is optional: people decide for themselves.',
      });
    }

    this.client = this.pool.addClient('LoadBalancer', {
      generateSecret: true,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        // The load balancer requests exactly these scopes. Without email, the app knows nobody's address.
        scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
        callbackUrls: [`https://${config.domain}/oauth2/idpresponse`],
        logoutUrls: [`https://${config.domain}`],
      },
      supportedIdentityProviders: [cognito.UserPoolClientIdentityProvider.COGNITO],
      authFlows: {},
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      idTokenValidity: cdk.Duration.hours(1),
      accessTokenValidity: cdk.Duration.hours(1),
      refreshTokenValidity: cdk.Duration.hours(config.cognito.sessionHours),
    });

    this.domain = this.pool.addDomain('Domain', {
      cognitoDomain: { domainPrefix: config.cognito.domainPrefix },
      managedLoginVersion: cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    });
    // Managed login shows no page to a client without a style.
    new cognito.CfnManagedLoginBranding(this, 'Style', {
      userPoolId: this.pool.userPoolId,
      clientId: this.client.userPoolClientId,
      useCognitoProvidedValues: true,
    });

    for (const group of config.cognito.groups) {
      new cognito.CfnUserPoolGroup(this, `Group ${group.replaceAll('/', '|')}`, {
        userPoolId: this.pool.userPoolId,
        groupName: group,
      });
    }
  }
}
