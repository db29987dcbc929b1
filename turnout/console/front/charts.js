// Lets a chart be read value by value: uPlot draws over the server's picture, in the same place and size.
import uPlot from "uplot/dist/uPlot.esm.js";

// light-dark() stays unresolved in a custom property: an element that uses it says which of the two holds.
const seen = (name) => {
  const probe = document.createElement("span");
  probe.className = `chart-colour-${name}`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

const draw = (figure) => {
  const data = JSON.parse(figure.dataset.chart);
  const plot = figure.querySelector(".chart-plot");
  const picture = plot.querySelector("svg");
  const read = figure.querySelector("[data-chart-read]");
  const count = data.labels.length;
  const step = count > 1 ? 1 : 2;
  const edges = data.kind === "bars" ? [-0.5, count - 0.5] : [0, Math.max(count - 1, step)];
  const paths = data.kind === "bars" ? uPlot.paths.bars({ size: [0.76, 60] }) : uPlot.paths.linear();
  const say = (at) => {
    read.textContent =
      at == null
        ? "\u00a0"
        : `${data.labels[at]}: ${data.series.map((one) => `${one.values[at]?.toLocaleString("en") ?? "no"} ${one.name.toLowerCase()}`).join(", ")}`;
  };
  const chart = new uPlot(
    {
      width: plot.clientWidth,
      height: picture.clientHeight,
      padding: [0, 0, 0, 0],
      legend: { show: false },
      cursor: { drag: { setScale: false, x: false, y: false }, y: false, points: { size: 7 } },
      scales: { x: { time: false, range: () => edges }, y: { range: () => [0, data.peak] } },
      axes: [{ show: false }, { show: false }],
      series: [
        {},
        ...data.series.map((one) => ({
          stroke: seen(one.kind),
          fill: data.kind === "bars" ? seen(one.kind) : undefined,
          width: data.kind === "bars" ? 0 : 2,
          points: { show: false },
          paths,
        })),
      ],
      hooks: { setCursor: [({ cursor }) => say(cursor.idx)], ready: [] },
    },
    [data.labels.map((_, at) => at), ...data.series.map((one) => one.drawn ?? one.values)],
    plot,
  );
  plot.classList.add("chart-drawn");
  return chart;
};

const drawn = new Map();

const drawAll = (again = false) => {
  for (const [figure, chart] of drawn) {
    if (figure.isConnected && !again && figure.querySelector(".uplot")) continue;
    chart.destroy();
    figure.querySelector(".chart-plot")?.classList.remove("chart-drawn");
    drawn.delete(figure);
  }
  for (const figure of document.querySelectorAll("[data-chart]")) {
    const is = drawn.get(figure);
    if (is && is.said === figure.dataset.chart) continue;
    is?.destroy();
    const chart = draw(figure);
    chart.said = figure.dataset.chart;
    drawn.set(figure, chart);
  }
};

let waiting;
const drawAllSoon = () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => drawAll(true), 100);
};

drawAll();
document.addEventListener("htmx:after:swap", () => drawAll());
document.addEventListener("turnout:theme", () => drawAll(true));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(true));
addEventListener("resize", drawAllSoon);
