/** What the model's input and output are called by the protocols that name them. */
export const inputName = 'images';
export const outputName = 'probabilities';
