export { adamStep } from './adam';
export { addVector } from './elementwise';
