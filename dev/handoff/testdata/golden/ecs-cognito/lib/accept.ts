import { CfnResource } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/** Tells checkov, in the template's metadata, that what it finds here is meant so. */
export function accept(construct: IConstruct, id: string, comment: string): void {
  (construct.node.defaultChild as CfnResource).addMetadata('checkov', { skip: [{ id, comment }] });
}
