from .errors import DataError as DataError
from .errors import DownloadError as DownloadError
from .errors import IdentificationError as IdentificationError
from .errors import PanelcoopError as PanelcoopError
from .errors import PanelcoopWarning as PanelcoopWarning
from .errors import PlanError as PlanError
from .estimate.crosscheck import CrossCheck as CrossCheck
from .estimate.crosscheck import crosscheck as crosscheck
from .estimate.fitted import CovarianceChoice as CovarianceChoice
from .estimate.fitted import Poisson as Poisson
from .estimate.settings import InferenceSettings as InferenceSettings
from .estimate.stage_interaction import stage_interaction as stage_interaction
from .estimate.stage_results import StageInteraction as StageInteraction
from .numerics.small_sample import SmallSampleRule as SmallSampleRule
from .numerics.spatial_hac import SpatialKernel as SpatialKernel
from .panel.assemble import assemble as assemble
from .panel.plan import Plan as Plan
from .panel.plan import read_plan as read_plan
from .panel.record import Ledger as Ledger
from .panel.record import Panel as Panel
from .panel.record import SpatialWeights as SpatialWeights
from .panel.record import panel_from_frame as panel_from_frame
from .results import Contrast as Contrast
from .results import Estimate as Estimate
from .results import WaldTest as WaldTest

__version__: str
