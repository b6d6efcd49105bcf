/**
 * One step of Adam on `length` numbers, in place; see trainer/train/optimizer.ts. It computes with 64 bits and rounds the
 * results to 32.
 *
 * @param parameters, firstMoments, secondMoments, gradient f32[length] each
 * @param stepSize the learning rate over 1 - beta1^step
 * @param inverseCorrection 1 / sqrt(1 - beta2^step)
 */
export function adamStep(
  parameters: usize,
  firstMoments: usize,
  secondMoments: usize,
  gradient: usize,
  length: i32,
  stepSize: f64,
  inverseCorrection: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
): void {
  const keep1 = f64x2.splat(beta1);
  const take1 = f64x2.splat(1 - beta1);
  const keep2 = f64x2.splat(beta2);
  const take2 = f64x2.splat(1 - beta2);
  const size = f64x2.splat(stepSize);
  const correction = f64x2.splat(inverseCorrection);
  const least = f64x2.splat(epsilon);
  const end = parameters + (<usize>length << 2);
  const vectorsEnd = parameters + (<usize>(length & ~1) << 2);
  for (; parameters < vectorsEnd; parameters += 8) {
    const slope = f64x2.promote_low_f32x4(v128.load64_zero(gradient));
    const oldMoment = f64x2.promote_low_f32x4(v128.load64_zero(firstMoments));
    const oldSquare = f64x2.promote_low_f32x4(v128.load64_zero(secondMoments));
    const moment = f64x2.add(f64x2.mul(oldMoment, keep1), f64x2.mul(slope, take1));
    const square = f64x2.add(
      f64x2.mul(oldSquare, keep2),
      f64x2.mul(f64x2.mul(slope, slope), take2),
    );
    v128.store64_lane(firstMoments, f32x4.demote_f64x2_zero(moment), 0);
    v128.store64_lane(secondMoments, f32x4.demote_f64x2_zero(square), 0);
    const change = f64x2.div(
      f64x2.mul(size, moment),
      f64x2.add(f64x2.mul(f64x2.sqrt(square), correction), least),
    );
    const old = f64x2.promote_low_f32x4(v128.load64_zero(parameters));
    v128.store64_lane(parameters, f32x4.demote_f64x2_zero(f64x2.sub(old, change)), 0);
    gradient += 8;
    firstMoments += 8;
    secondMoments += 8;
  }
  if (parameters < end) {
    const slope = <f64>load<f32>(gradient);
    const moment = <f64>load<f32>(firstMoments) * beta1 + slope * (1 - beta1);
    const square = <f64>load<f32>(secondMoments) * beta2 + slope * slope * (1 - beta2);
    store<f32>(firstMoments, <f32>moment);
    store<f32>(secondMoments, <f32>square);
    const change = (stepSize * moment) / (Math.sqrt(square) * inverseCorrection + epsilon);
    store<f32>(parameters, <f32>(<f64>load<f32>(parameters) - change));
  }
}
