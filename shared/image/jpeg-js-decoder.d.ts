/** The half of jpeg-js that the Worker needs: its main module brings the encoder along. */
declare module 'jpeg-js/lib/decoder.js' {
  import { decode } from 'jpeg-js';
  export default decode;
}
