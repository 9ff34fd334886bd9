/*
 * Puts messages and stacks of failures into payloads, so that a codec has them. CommonJS, because Temporal loads it with
 * `require`, which cannot load an ES module in Node 20.
 */

const { DefaultFailureConverter } = require('@temporalio/common') as typeof import('@temporalio/common');

module.exports = { failureConverter: new DefaultFailureConverter({ encodeCommonAttributes: true }) };
