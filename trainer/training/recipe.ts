/** Everything that determines a training, apart from the data, the seed and the number of threads. */
export interface Recipe {
  name: string;
  epochs: number;
  /** Images per step, over all replicas together. */
  batchSize: number;
  optimizer: 'adam';
  learningRate: number;
}

/** PyTorch's Fashion-MNIST tutorial: 91.3 % test accuracy after 5 epochs. */
export const tutorialRecipe: Recipe = {
  name: 'tutorial',
  epochs: 5,
  batchSize: 64,
  optimizer: 'adam',
  learningRate: 0.001,
};
