/**
 * The layers and kernels of image and tabular models beyond plain convolutional networks. The Worker imports this
 * file only if a model needs it. Recurrent layers, wrappers, 3D layers and random augmentation are not supported.
 *
 * The exports are all kernels of the cpu backend that the layers imported here, and the other layers in the files
 * of the standard ones, call at inference.
 */
import '@tensorflow/tfjs-layers/dist/layers/advanced_activations';
import '@tensorflow/tfjs-layers/dist/layers/convolutional_depthwise';
import '@tensorflow/tfjs-layers/dist/layers/embeddings';
import '@tensorflow/tfjs-layers/dist/layers/merge';
import '@tensorflow/tfjs-layers/dist/layers/noise';
import '@tensorflow/tfjs-layers/dist/layers/normalization';
import '@tensorflow/tfjs-layers/dist/layers/padding';
import '@tensorflow/tfjs-layers/dist/layers/preprocessing/image_preprocessing';

export { absConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Abs';
export { addConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Add';
export { anyConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Any';
export { avgPoolConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/AvgPool';
export { batchMatMulConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/BatchMatMul';
export { batchNormConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/BatchNorm';
export { castConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Cast';
export { clipByValueConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ClipByValue';
export { concatConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Concat';
export { conv2DConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Conv2D';
export { conv2DBackpropInputConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Conv2DBackpropInput';
export { depthwiseConv2dNativeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/DepthwiseConv2dNative';
export { eluConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Elu';
export { erfConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Erf';
export { expConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Exp';
export { expandDimsConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ExpandDims';
export { fillConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Fill';
export { gatherV2Config } from '@tensorflow/tfjs-backend-cpu/dist/kernels/GatherV2';
export { greaterConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Greater';
export { leakyReluConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/LeakyRelu';
export { logConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Log';
export { maxConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Max';
export { maximumConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Maximum';
export { meanConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Mean';
export { minimumConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Minimum';
export { multiplyConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Multiply';
export { negConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Neg';
export { notEqualConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/NotEqual';
export { padV2Config } from '@tensorflow/tfjs-backend-cpu/dist/kernels/PadV2';
export { powConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Pow';
export { preluConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Prelu';
export { realDivConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/RealDiv';
export { reluConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Relu';
export { relu6Config } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Relu6';
export { resizeBilinearConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ResizeBilinear';
export { resizeNearestNeighborConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ResizeNearestNeighbor';
export { rsqrtConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Rsqrt';
export { seluConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Selu';
export { sigmoidConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sigmoid';
export { sliceConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Slice';
export { softmaxConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Softmax';
export { softplusConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Softplus';
export { sqrtConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sqrt';
export { squareConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Square';
export { squaredDifferenceConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/SquaredDifference';
export { subConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sub';
export { sumConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sum';
export { tanhConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Tanh';
export { tileConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Tile';
export { transposeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Transpose';
export { zerosLikeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ZerosLike';
