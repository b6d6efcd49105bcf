import { element } from './element.ts';

type Stroke = [x: number, y: number][];

/** The longer side, in canvas pixels. */
const side = 448;
const ink = '#fff';
const filling = '#b8b8b8';
const paper = '#000';

export interface Drawing {
  canvas: HTMLCanvasElement;
  readonly isEmpty: boolean;
  /** Sets the network's proportions. If they change, the drawing is lost. */
  resize(height: number, width: number): void;
}

/**
 * The drawing area: light on dark, like the data set. Mouse, pen and finger draw. So do the arrow keys, after the
 * space bar has put the pen down.
 */
export function openDrawing(onChange: () => void): Drawing {
  const canvas = element('paper', HTMLCanvasElement);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const fill = element('fill', HTMLInputElement);
  const width = element('pen', HTMLInputElement);
  const undo = element('undo', HTMLButtonElement);
  const clear = element('clear', HTMLButtonElement);
  let strokes: { points: Stroke; fill: boolean; width: number }[] = [];
  let pen: { x: number; y: number; isDown: boolean } | null = null;

  const isEmpty = () => strokes.length === 0;

  function paint(): void {
    context.fillStyle = paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.strokeStyle = ink;
    context.fillStyle = filling;
    for (const { points, fill, width } of strokes) {
      context.beginPath();
      for (const [x, y] of points) context.lineTo(x, y);
      // A dot is a line to its own start.
      if (points.length === 1) context.lineTo(...(points[0] as [number, number]));
      if (fill) context.fill();
      context.lineWidth = width;
      context.stroke();
    }
    if (pen) paintPen(pen);
    undo.disabled = clear.disabled = isEmpty();
  }

  function paintPen({ x, y, isDown }: { x: number; y: number; isDown: boolean }): void {
    context.beginPath();
    context.arc(x, y, 10, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = isDown ? '#8f7dff' : '#888';
    context.stroke();
  }

  function change(): void {
    paint();
    onChange();
  }

  function begin(x: number, y: number): void {
    const lineWidth = (Number(width.value) / 100) * Math.max(canvas.width, canvas.height);
    strokes.push({ points: [[x, y]], fill: fill.checked, width: lineWidth });
    change();
  }

  const extend = (x: number, y: number) => strokes.at(-1)?.points.push([x, y]);

  const placeOf = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * canvas.width,
      ((event.clientY - box.top) / box.height) * canvas.height,
    ];
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    pen = null;
    canvas.setPointerCapture(event.pointerId);
    begin(...placeOf(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length > 0 ? moves : [event]) extend(...placeOf(move));
    change();
  });

  const steps: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  canvas.addEventListener('keydown', (event) => {
    pen ??= { x: canvas.width / 2, y: canvas.height / 2, isDown: false };
    const step = steps[event.key];
    if (step) {
      const length = event.shiftKey ? 4 : 16;
      pen.x = Math.min(canvas.width, Math.max(0, pen.x + length * step[0]));
      pen.y = Math.min(canvas.height, Math.max(0, pen.y + length * step[1]));
      if (pen.isDown) extend(pen.x, pen.y);
    } else if (event.key === ' ') {
      pen.isDown = !pen.isDown;
      if (pen.isDown) begin(pen.x, pen.y);
    } else {
      return;
    }
    event.preventDefault();
    if (pen.isDown) change();
    else paint();
  });
  canvas.addEventListener('blur', () => {
    pen = null;
    paint();
  });
  undo.addEventListener('click', () => {
    strokes.pop();
    change();
  });
  clear.addEventListener('click', () => {
    strokes = [];
    change();
  });
  paint();
  return {
    canvas,
    get isEmpty() {
      return isEmpty();
    },
    resize(height, width) {
      const scale = side / Math.max(height, width);
      const size = [Math.round(width * scale), Math.round(height * scale)] as const;
      if (canvas.width === size[0] && canvas.height === size[1]) return;
      [canvas.width, canvas.height] = size;
      strokes = [];
      paint();
    },
  };
}
