export { adamStep } from './adam';
