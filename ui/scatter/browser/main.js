// Starts the scatterplot for the component in ui/scatter/plot.py, once for each place in the page.
import { Plot } from "./plot.js";

export function mount({ data, parentElement, setTriggerValue }) {
  const plot = (parentElement.explorePlot ??= new Plot(parentElement));
  plot.send = setTriggerValue;
  plot.update(data);
  // Streamlit may end a drawing that the next one has overtaken: take the plot down only when it has left the page.
  return () => {
    if (parentElement.isConnected) return;
    plot.destroy();
    parentElement.explorePlot = undefined;
  };
}
